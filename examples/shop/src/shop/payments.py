"""The payment service: a process of its own, as a payment provider's would be.

Test cards: `4000000000000002` is always declined, `4000000000000119` always breaks the acquirer.
Besides, a share of all charges is declined (`DECLINE_RATIO`) or breaks (`FAILURE_RATIO`), the way
the world does it. Nothing is charged anywhere.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from shop import logs
from shop.errors import log_unhandled

DECLINED_CARD = "4000000000000002"
BREAKING_CARD = "4000000000000119"
log = logging.getLogger("shop.payments")


class AcquirerTimeoutError(Exception):
    """The bank behind the payment service did not answer in time."""


class Charge(BaseModel):
    order_id: str = Field(max_length=64)
    amount_cents: int = Field(gt=0)
    card: str = Field(min_length=12, max_length=19, pattern="^[0-9]+$")


@dataclass(slots=True)
class Acquirer:
    """The bank behind it. Seeded, so that a run can be repeated."""

    decline_ratio: float
    failure_ratio: float
    chance: random.Random

    def charge(self, charge: Charge) -> str | None:
        """None when the card was charged, else the reason. Raises AcquirerTimeoutError."""
        lot = self.chance.random()
        if charge.card == BREAKING_CARD or lot < self.failure_ratio:
            raise AcquirerTimeoutError(f"no answer for order {charge.order_id} within 800 ms")
        if charge.card == DECLINED_CARD or lot < self.failure_ratio + self.decline_ratio:
            return "insufficient funds"
        return None


def create_app() -> FastAPI:
    logs.configure("payments")
    acquirer = Acquirer(
        decline_ratio=float(os.environ.get("DECLINE_RATIO", "0")),
        failure_ratio=float(os.environ.get("FAILURE_RATIO", "0")),
        chance=random.Random(os.environ.get("PAYMENTS_SEED", "payments")),  # noqa: S311
    )
    app = FastAPI(title="payments", openapi_url=None)

    @app.middleware("http")
    async def unhandled(
        request: Request, following: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        return await log_unhandled(log, request, following)

    @app.get("/up")
    def up() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/charges")
    def create_charge(charge: Charge) -> Response:
        reason = acquirer.charge(charge)
        about = {"order_id": charge.order_id, "amount_cents": charge.amount_cents}
        if reason is not None:
            log.warning("card declined: %s", reason, extra=about)
            return JSONResponse({"reason": reason}, status_code=402)
        log.info("card charged", extra=about)
        return JSONResponse({"reference": f"ch_{charge.order_id[:8]}"}, status_code=201)

    return app


app = create_app()
