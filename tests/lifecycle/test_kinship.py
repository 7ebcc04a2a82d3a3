import pytest

from sojourn.lifecycle.kinship import Family, Key, inability
from sojourn.model.session import Isolation, PoolLimits, Scope, SessionSpec

PLACE = {Scope.PROVIDER: "0", Scope.CONVERSATION: "c", Scope.TEST: "3", Scope.TRIAL: "7"}


def spec(name: str, *parents: str, scope: Scope = Scope.RUN, **more: object) -> SessionSpec:
    return SessionSpec(name=name, kind="test", parents=parents, scope=scope, **more)  # type: ignore[arg-type]  # a test's own words


def test_the_lineage_is_in_the_order_of_opening() -> None:
    """Parents stand before their children, each once, however often they are named."""
    family = Family([spec("c", "a", "b"), spec("a"), spec("b", "a")])
    assert [each.name for each in family.lineage(["c", "b"])] == ["a", "b", "c"]


def test_a_key_joins_the_scopes_of_all_ancestors() -> None:
    """An instance is named by its own scope and those of its parents, the widest first."""
    family = Family([spec("a", scope=Scope.PROVIDER), spec("b", "a", scope=Scope.TEST), spec("r")])
    key = family.key(family.specs["b"], PLACE)
    assert key == Key("b", (("provider", "0"), ("test", "3")))
    assert str(key) == "b (provider 1, test 4)"
    assert str(family.key(family.specs["r"], PLACE)) == "r"


def test_a_fresh_session_is_the_trials_own() -> None:
    """With isolation fresh the scope does not matter."""
    family = Family([spec("a", isolation=Isolation.FRESH)])
    assert family.key(family.specs["a"], PLACE) == Key("a", (("trial", "7"),))


@pytest.mark.parametrize(
    ("specs", "needed", "told"),
    [
        (
            [spec("pool"), spec("x", "pol")],
            [],
            "has a parent 'pol', which is not under sessions (did you mean 'pool'?)",
        ),
        ([spec("db")], ["queue"], "asks for the session 'queue', which is not under sessions"),
        ([spec("a", "b"), spec("b", "c"), spec("c", "a")], [], "is its own ancestor: a > b > c > a"),
        ([spec("a", "a")], [], "is its own ancestor: a > a"),
        ([spec("p", pooled=True), spec("x", "p")], [], "(scope run) would outlive what it is lent of 'p'"),
        (
            [spec("f", isolation=Isolation.FORK), spec("x", "f", scope=Scope.TEST)],
            [],
            "(scope test) would outlive what it is lent of 'f'",
        ),
    ],
)
def test_what_cannot_be_is_named(specs: list[SessionSpec], needed: list[str], told: str) -> None:
    """A stranger, a circle, a child that outlives what it lives in: each is said with its names."""
    problems = Family(specs).problems(needed)
    assert told in str(problems[0])


def test_what_can_be_is_not_complained_of() -> None:
    """A trial's session inside a pool's or a fork is fine."""
    specs = [
        spec("p", pooled=True),
        spec("f", isolation=Isolation.FORK),
        spec("x", "p", "f", scope=Scope.TRIAL),
        spec("y", "p", scope=Scope.CONVERSATION),
        spec("z", "x", scope=Scope.TRIAL),
    ]
    assert Family(specs).problems(["x", "y"]) == []


@pytest.mark.parametrize(
    ("isolation", "needed"),
    [(Isolation.RESET, {"reset"}), (Isolation.ROLLBACK, {"begin", "rollback"}), (Isolation.FORK, {"fork"})],
)
def test_a_kind_must_be_able_to_do_what_is_asked(isolation: Isolation, needed: set[str]) -> None:
    """An isolation, or a check, that the kind has no function for is refused."""
    assert f"asks for isolation {isolation.value!r}" in str(inability(spec("a", isolation=isolation), frozenset()))
    assert inability(spec("a", isolation=isolation), needed) is None
    checked = spec("a", limits=PoolLimits(check=True))
    assert "asks for a check" in str(inability(checked, frozenset()))
    assert inability(checked, {"check"}) is None
    assert inability(spec("a"), frozenset()) is None
