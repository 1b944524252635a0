"""Writes the two sample files beside it: traffic of our own making, always the same.

    python usage/tests/data/make_samples.py

The shape is that of real traffic: more by day than by night, few routes that get most requests, bursts of identical
lines within one second, some scanners and errors; short questions with long contexts in the token trace.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

FOLDER = Path(__file__).parent
START = datetime(2025, 3, 3, tzinfo=UTC)
REQUESTS = 1_500
CALLS = 1_200

ROUTES = ["/v1/chat", "/v1/embeddings", "/v1/models", "/v1/files/{id}", "/v1/users/{id}/keys", "/status", "/docs/start"]
POPULARITY = [40, 25, 8, 10, 5, 8, 4]
AGENTS = ["python-client/3.1", "Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", 'go-client/1.9 (\\"beta\\")']


def main() -> None:
    random = Random(20250303)  # noqa: S311 - reproducible on purpose
    (FOLDER / "sample_access.log").write_text("".join(access_lines(random)))
    (FOLDER / "sample_llm_trace.csv").write_text("".join(trace_lines(random)))


def access_lines(random: Random) -> list[str]:
    lines: list[str] = []
    for at in instants(random, REQUESTS, timedelta(days=2)):
        line = access_line(random, at)
        lines += [line] * (2 if random.random() < 0.01 else 1)
    return lines[:REQUESTS]


def access_line(random: Random, at: datetime) -> str:
    client = random.choice(
        [f"198.51.100.{random.randrange(256)}", f"203.0.113.{random.randrange(256)}", "2001:db8:7::1"]
    )
    route = random.choices(ROUTES, POPULARITY)[0].replace("{id}", str(random.randrange(10_000)))
    method = "POST" if route in {"/v1/chat", "/v1/embeddings"} else "GET"
    status = random.choices([200, 201, 304, 404, 429, 500], [88, 3, 2, 3, 3, 1])[0]
    size = "-" if status == 304 else str(random.randrange(120, 40_000))
    query = random.choice(["", "", "", "?page=2", "?q=a%20b"])
    return (
        f'{client} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "{method} {route}{query} HTTP/1.1" {status} {size} "-" '
        f'"{random.choice(AGENTS)}"\n'
    )


def trace_lines(random: Random) -> list[str]:
    rows = ["TIMESTAMP,ContextTokens,GeneratedTokens\n"]
    for at in instants(random, CALLS, timedelta(hours=1)):
        context = min(round(random.lognormvariate(7, 1.1)), 7_500)
        generated = min(round(random.lognormvariate(3, 0.9)) + 1, 900)
        rows.append(f"{at:%Y-%m-%d %H:%M:%S.%f}0,{context},{generated}\n")
    return rows


def instants(random: Random, count: int, length: timedelta) -> list[datetime]:
    """Ordered, to the microsecond, more of them around the middle of the day."""
    start = START + timedelta(hours=9)
    places = sorted(random.triangular() if random.random() < 0.7 else random.random() for _ in range(count))
    return [start + length * place for place in places]


if __name__ == "__main__":
    main()
