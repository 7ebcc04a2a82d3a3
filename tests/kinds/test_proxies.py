import pytest

from sojourn.kinds.proxies import is_here


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8/x", True),
        ("ws://localhost:8", True),
        ("http://[::1]:8", True),
        ("https://example.com", False),
        ("http://10.0.0.1", False),
        ("localhost", False),
    ],
)
def test_no_proxy_stands_before_this_machine(url: str, here: bool) -> None:  # noqa: FBT001  it is the answer
    """An address of this machine's own is called directly, whatever the environment says of proxies."""
    assert is_here(url) is here
