"""The numbers that `/metrics` shows; each answers a question an operator asks."""

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED = Counter(
    "relay_replies_total", "Replies that came in, by what became of them", ["change"]
)
TURNED_AWAY = Counter(
    "relay_turned_away_total", "Replies of people who may not steer Devin, by why", ["standing"]
)
OUTCOMES = Counter("relay_outcomes_total", "Deliveries that ended, by how", ["outcome"])
LOOKS = Counter("relay_looks_total", "Looks for a reply whose answer was lost, by result", ["look"])
WAITS = Counter("relay_waits_total", "Deliveries put off, by Devin's reason", ["reason"])
REPORTS = Counter("relay_reports_total", "Reports to threads, by what became of them", ["result"])
SLACK_ERRORS = Counter("relay_slack_errors_total", "Failed Slack calls", ["method", "reason"])
DELIVERY_SECONDS = Histogram(
    "relay_delivery_seconds",
    "From the POST to Devin's answer",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 45),
)
ACK_SECONDS = Histogram(
    "relay_ack_seconds",
    "From a request of Slack's to its acknowledgement",
    ["kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
)
SESSIONS_WITH_MAIL = Gauge("relay_sessions_with_mail", "Sessions that have replies waiting")
REPORTS_WAITING = Gauge("relay_reports_waiting", "Reports that threads have not seen yet")
