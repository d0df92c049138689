"""The verbs of accounts: log in, set the first password, manage users and tokens."""

from __future__ import annotations

import hmac
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from insightengine.core.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
)
from insightengine.core.secrets import Secret
from insightengine.protection import throttle
from insightengine.protection.access import Principal, Role
from insightengine.protection.passwords import Passwords, refuse_weak
from insightengine.protection.sessions import Sessions
from insightengine.protection.tokens import digest, new_secret, new_token, token_id_of
from insightengine.stores.port import Accounts, ApiToken, Cache, User

FIRST_ADMINISTRATOR = "admin@localhost"
SETUP_TOKEN_S = 24 * 3600
MOST_TOKEN_DAYS = 90
_EMAIL = re.compile(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,190}")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """Shown once; afterwards only its record remains."""

    record: ApiToken
    text: Secret


class AccountService:
    """Log-ins and accounts over their stores. All moments are UTC."""

    def __init__(
        self,
        accounts: Accounts,
        cache: Cache,
        sessions: Sessions,
        passwords: Passwords,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._accounts = accounts
        self._cache = cache
        self._sessions = sessions
        self._passwords = passwords
        self._now = now or (lambda: datetime.now(UTC))

    async def log_in(self, email: str, password: str, address: str) -> tuple[str, Principal]:
        """A new session. Raises AccessDeniedError (401) or LimitExceededError with the wait."""
        account = normalised(email)
        await self._refuse_fast_address(address)
        await self._refuse_fast_account(account)
        user = await self._accounts.user_by_email(account)
        usable = user.password_hash if user and not user.disabled else None
        if not await self._passwords.matches(password, usable) or user is None:
            await self._remember_failure(account)
            raise _denied("e-mail or password is wrong", "wrong_credentials")
        await self._cache.delete(_failures(account))
        return await self._sessions.open(user)

    async def set_up(self, token: str, password: str, email: str | None) -> tuple[str, Principal]:
        """Sets the password of the token's user, ends their sessions and logs them in.

        Raises InvalidInputError for a weak password, ConflictError for somebody else's e-mail; the
        token then stays usable.
        """
        refuse_weak(password, email or "")
        new_email = normalised(email) if email else None
        owner = await self._accounts.setup_token_user(digest(token))
        if owner is None:  # nobody without a link makes us hash, which is slow on purpose
            raise _spent()
        await self._refuse_taken(new_email, owner)
        hashed = await self._passwords.hash(password)
        user = await self._accounts.take_setup_token(digest(token), self._now())
        if user is None:
            raise _spent()
        user = replace(user, password_hash=hashed, email=new_email or user.email)
        await self._accounts.update_user(user)
        await self._sessions.close_all(user.id)
        return await self._sessions.open(user)

    async def prepare_first_administrator(self) -> Secret | None:
        """A fresh set-up token while no administrator has a password, else None."""
        wanted = User(
            str(uuid.uuid4()), FIRST_ADMINISTRATOR, Role.ADMINISTRATOR, None, False, self._now()
        )
        waiting = await self._accounts.ensure_first_administrator(wanted)
        return await self.issue_setup_token(waiting.id) if waiting else None

    async def issue_setup_token(self, user_id: str) -> Secret:
        token = new_secret()
        expires = self._now() + timedelta(seconds=SETUP_TOKEN_S)
        await self._accounts.set_setup_token(user_id, digest(token), expires)
        return Secret(token)

    async def by_api_token(self, text: str) -> Principal | None:
        """The principal of a valid token; its role never exceeds that of its user today."""
        token_id = token_id_of(text)
        token = await self._accounts.token(token_id) if token_id else None
        if token is None or not hmac.compare_digest(token.digest, digest(text)):
            return None
        user = await self._accounts.user(token.user_id)
        if user is None or user.disabled or token.expires_at <= self._now():
            return None
        if token.last_used_at is None or self._now() - token.last_used_at > timedelta(minutes=5):
            await self._accounts.touch_token(token.id, self._now())
        role = token.role if user.role.includes(token.role) else user.role
        return Principal(user.id, user.email, role, token.expires_at, token_id=token.id)

    async def create_token(self, owner: Principal, name: str, role: Role, days: int) -> IssuedToken:
        if not owner.role.includes(role):
            raise InvalidInputError(
                f"a token may not have the role {role.value}: you are {owner.role.value}"
            )
        if not 1 <= days <= MOST_TOKEN_DAYS:
            raise InvalidInputError(f"days is {days}; allowed are 1 to {MOST_TOKEN_DAYS}")
        new, now = new_token(), self._now()
        record = ApiToken(
            new.token_id,
            owner.user_id,
            name,
            role,
            new.digest,
            now,
            now + timedelta(days=days),
            None,
        )
        await self._accounts.add_token(record)
        return IssuedToken(record, new.text)

    async def create_user(self, email: str, role: Role) -> tuple[User, Secret]:
        """The new user, and the one-time token that sets their password."""
        user = User(str(uuid.uuid4()), normalised(email), role, None, False, self._now())
        if await self._accounts.user_by_email(user.email):
            raise ConflictError(f"there is a user {user.email} already")
        await self._accounts.add_user(user)
        return user, await self.issue_setup_token(user.id)

    async def change_user(
        self, actor: Principal, user_id: str, role: Role | None, disabled: bool | None
    ) -> User:
        """Changes role or state, and ends the user's sessions so that it holds at once."""
        user = await self._accounts.user(user_id)
        if user is None:
            raise NotFoundError(f"there is no user {user_id}")
        if user.id == actor.user_id:
            raise ConflictError("you cannot change your own role or disable yourself")
        changed = replace(
            user,
            role=role or user.role,
            disabled=user.disabled if disabled is None else disabled,
        )
        await self._accounts.update_user(changed)
        await self._sessions.close_all(user.id)
        return changed

    async def _refuse_taken(self, email: str | None, user_id: str) -> None:
        holder = await self._accounts.user_by_email(email) if email else None
        if holder and holder.id != user_id:
            raise ConflictError(
                f"there is a user {email} already", hint="choose another e-mail, or leave it empty"
            )

    async def _refuse_fast_address(self, address: str) -> None:
        key = f"login-address:{address}"
        tries = await self._cache.increment(key, throttle.ADDRESS_WINDOW_S)
        left = await self._cache.remaining_s(key)
        _refuse_wait(throttle.wait_for_address(tries, left), "this address")

    async def _refuse_fast_account(self, account: str) -> None:
        stored = await self._cache.get(_failures(account))
        if stored:
            count, last = stored.split(":")
            wait = throttle.wait_for_account(int(count), time.time() - float(last))
            _refuse_wait(wait, "this account")

    async def _remember_failure(self, account: str) -> None:
        stored = await self._cache.get(_failures(account))
        count = int(stored.split(":")[0]) + 1 if stored else 1
        value = f"{count}:{time.time()}"
        await self._cache.set(_failures(account), value, throttle.ACCOUNT_WINDOW_S)


def normalised(email: str) -> str:
    """Lower case, no surrounding space. Raises InvalidInputError for what is no address."""
    text = email.strip().lower()
    if not _EMAIL.fullmatch(text):
        raise InvalidInputError(f"{text[:80]!r} is not an e-mail address")
    return text


def _failures(account: str) -> str:
    return f"login-failures:{digest(account)}"


def _denied(message: str, code: str) -> AccessDeniedError:
    error = AccessDeniedError(message, code=code)
    error.http_status = 401
    return error


def _spent() -> AccessDeniedError:
    return _denied("this link was used before, or is older than a day", "setup_link_spent")


def _refuse_wait(wait_s: int, what: str) -> None:
    if wait_s > 0:
        raise LimitExceededError(
            f"too many tries from {what}; wait {wait_s} s",
            code="too_many_tries",
            context={"retry_after_s": wait_s},
        )
