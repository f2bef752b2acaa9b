"""The rate limit: what a bucket of tokens would let through, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.hub.connection import RateLimit


class Bucket:
    """The same, told as it is usually told."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst, self.tokens, self.at = rate, burst, float(burst), 0.0

    def take(self, now: float, tokens: int) -> bool:
        self.tokens, self.at = min(self.burst, self.tokens + (now - self.at) * self.rate), now
        if self.tokens < tokens - 1e-5:
            return False
        self.tokens -= tokens
        return True


@given(
    st.sampled_from([1.0, 8.0, 60.0]),
    st.sampled_from([1, 2, 120]),
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.0, 0.0, 1 / 128, 1 / 16, 0.5, 4.0]), st.sampled_from([1, 1, 3, 90])),
        max_size=400,
    ),
)
def test_it_lets_through_what_a_bucket_of_tokens_would(rate: float, burst: int, asked: list[tuple[float, int]]) -> None:
    limit, bucket, now = RateLimit(rate, burst, 0.0), Bucket(rate, burst), 0.0
    for pause, tokens in asked:
        now += pause
        assert limit.take(now, tokens) == bucket.take(now, tokens)


def test_a_burst_is_let_through_whole_and_then_one_at_a_time() -> None:
    limit = RateLimit(10.0, 3.0, 1_000.1)
    assert [limit.take(1_000.1) for _ in range(5)] == [True] * 3 + [False] * 2
    assert [limit.take(1_000.1 + tenths / 10) for tenths in (1, 1, 2)] == [True, False, True]
