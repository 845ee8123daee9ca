"""Tokens and ids."""

import stat

import pytest

from icicore.addresses import BadToken, check, installation_secret, is_digest, is_key, mint

SLIDE, OTHER, DAY = "0123456789abcdef", "fedcba9876543210", 86_400
NOON = 20_000 * DAY + DAY // 2


def test_a_token_is_the_same_all_day_and_for_one_slide_and_user():
    token = mint("secret", SLIDE, "ann", now=NOON)
    assert token == mint("secret", SLIDE, "ann", now=NOON + 11 * 3600)
    assert (
        len(
            {
                token,
                mint("secret", SLIDE, "bob", now=NOON),
                mint("secret", OTHER, "ann", now=NOON),
                mint("s", SLIDE, "ann", now=NOON),
            }
        )
        == 4
    )
    assert "ann" not in token


@pytest.mark.parametrize("hours", [0, 11.9, 24, 35.9])
def test_a_token_lasts_until_the_next_day_ends(hours):
    check("secret", mint("secret", SLIDE, "ann", now=NOON), SLIDE, now=NOON + hours * 3600)


@pytest.mark.parametrize("hours", [36.1, 1000, -24])
def test_a_token_ends_and_does_not_begin_early(hours):
    with pytest.raises(BadToken):
        check("secret", mint("secret", SLIDE, "ann", now=NOON), SLIDE, now=NOON + hours * 3600)


def test_forged_tokens_are_refused():
    token = mint("secret", SLIDE, "ann", now=NOON)
    day, who, signature = token.split(".")
    forged = [
        *("", ".", "..", "x", token[:-1], token + "0", token.upper()),
        f"{int(day, 16) + 1:x}.{who}.{signature}",
        f"{day}.{'0' * 12}.{signature}",
        f"{day}.{who}.",
        f"é.{who}.{signature}",
        f"{'f' * 40}.{who}.{signature}",
    ]
    for attempt in forged:
        with pytest.raises(BadToken):
            check("secret", attempt, SLIDE, now=NOON)
    for slide, secret in ((OTHER, "secret"), (SLIDE, "other")):
        with pytest.raises(BadToken):
            check(secret, token, slide, now=NOON)


def test_ids():
    assert is_digest(SLIDE)
    assert not any(map(is_digest, ("", "0" * 15, "0" * 17, "G" * 16, "A" * 16, SLIDE + "\n", "../" + SLIDE)))
    assert is_key("case_1-A")
    assert not any(map(is_key, ("", "..", "a/b", "a.b", "a b", "a\n", "<b>", "x" * 129)))


def test_the_secret_is_made_once_for_its_owner_only(tmp_path):
    home = tmp_path / "home"
    secret = installation_secret(home)
    assert len(secret) == 64
    assert installation_secret(home) == secret
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600
    assert [p.name for p in home.iterdir()] == ["secret"]
    assert installation_secret(tmp_path / "second") != secret
