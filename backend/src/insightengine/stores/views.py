"""Saved views in the console's database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from insightengine.core.errors import LimitExceededError
from insightengine.stores.postgres import transaction
from insightengine.stores.records import SavedView
from insightengine.stores.tables import saved_views

_MOST: Final = 500
_MOST_OF_OWNER: Final = 100  # of all pages; what others share must still fit into a list


class PostgresViews:
    """`stores.port.SavedViews`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def views(self, user_id: str, page: str | None) -> Sequence[SavedView]:
        visible = (saved_views.c.owner_id == user_id) | saved_views.c.shared
        query = select(saved_views).where(visible).order_by(saved_views.c.name, saved_views.c.id)
        if page is not None:
            query = query.where(saved_views.c.page == page)
        async with transaction(self._engine) as connection:
            found = await connection.execute(query.limit(_MOST))
            return [SavedView(**row._mapping) for row in found]  # noqa: SLF001

    async def save_view(self, view: SavedView) -> SavedView:
        values = asdict(view)
        changed = {name: values[name] for name in ("state", "shared", "changed_at")}
        written = (
            insert(saved_views)
            .values(**values)
            .on_conflict_do_update(constraint="uq_saved_views_owner_id", set_=changed)
            .returning(saved_views)
        )
        others = select(func.count()).where(
            (saved_views.c.owner_id == view.owner_id)
            & ((saved_views.c.page != view.page) | (saved_views.c.name != view.name))
        )
        async with transaction(self._engine) as connection:
            if (await connection.execute(others)).scalar_one() >= _MOST_OF_OWNER:
                raise LimitExceededError(
                    f"you have {_MOST_OF_OWNER} views already",
                    code="too_many_views",
                    hint="delete one that nobody uses",
                )
            row = (await connection.execute(written)).one()
        return SavedView(**row._mapping)  # noqa: SLF001

    async def delete_view(self, view_id: str, owner_id: str) -> bool:
        owned = (saved_views.c.id == view_id) & (saved_views.c.owner_id == owner_id)
        async with transaction(self._engine) as connection:
            gone = await connection.execute(
                delete(saved_views).where(owned).returning(saved_views.c.id)
            )
            return gone.one_or_none() is not None
