// Every time on the page, in one form: what Slack shows to people in the US.

const LOCALE = "en-US";
const style = (options) => new Intl.DateTimeFormat(LOCALE, options);

// A line doesn't end before AM or PM.
const whole = (times) => ({ format: (when) => times.format(when).replace(/\s(?=[AP]M$)/, "\u00a0") });

const CLOCK = whole(style({ timeStyle: "short" }));
const DATES = {
  date_num: style({ dateStyle: "short" }), date: style({ dateStyle: "long" }), date_short: style({ dateStyle: "medium" }),
  date_long: style({ dateStyle: "full" }), time: CLOCK, time_secs: style({ timeStyle: "medium" }),
};

export const clock = (ts) => CLOCK.format(ts * 1000);

// `<!date^…>` in the reader's own zone; null for a form that is not known.
export function date(seconds, form = "") {
  const when = new Date(seconds * 1000);
  if (Number.isNaN(when.getTime())) return null;
  let known = true;
  const text = form.replace(/\{(\w+)\}/g, (_, token) => {
    if (token.endsWith("_pretty") && when.toDateString() === new Date().toDateString()) return "today";
    const found = DATES[token.replace("_pretty", "")];
    known &&= Boolean(found);
    return found ? found.format(when) : "";
  });
  return known && text ? text : null;
}
