"""What a session of the local Devin may be started with: its repositories and its playbooks."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Playbook:
    """A playbook of the organization; not each has a macro."""

    id: str
    title: str
    macro: str | None = None


@dataclass(slots=True)
class Catalog:
    """The repositories, as `owner/name`, and the playbooks; a test may change both."""

    repositories: list[str] = field(
        default_factory=lambda: ["acme/api", "acme/infrastructure", "acme/mobile", "acme/web"]
    )
    playbooks: list[Playbook] = field(
        default_factory=lambda: [
            Playbook("playbook-0123456789abcdef0123456789abcdef", "Deploy to staging", "!deploy"),
            Playbook("playbook-5eed5eed5eed5eed5eed5eed5eed5eed", "Fix a flaky test", "!flaky"),
            Playbook("playbook-c0ffeec0ffeec0ffeec0ffeec0ffee00", "Review a migration"),
        ]
    )
