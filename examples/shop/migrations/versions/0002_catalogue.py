"""The 24 products of the catalogue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PRODUCTS = [
    ("stove-kettle", "Stove kettle", "brew", 4900, "Steel, 1.2 litres, whistles in a low third."),
    ("pour-over-cone", "Pour-over cone", "brew", 2400, "Porcelain with spiral ribs, size 02."),
    ("hand-grinder", "Hand grinder", "brew", 7900, "Conical steel burrs, 36 settings."),
    ("tea-pot", "Tea pot", "brew", 3900, "Cast iron, enamelled inside, keeps an hour warm."),
    ("moka-pot", "Moka pot", "brew", 3200, "Three cups, also on induction."),
    ("tea-strainer", "Tea strainer", "brew", 900, "Fine mesh, stands on its own drip cup."),
    ("stoneware-bowl", "Stoneware bowl", "table", 1800, "Glazed by hand, 16 cm, each a bit other."),
    ("dinner-plate", "Dinner plate", "table", 2100, "Stoneware, 26 cm, dishwasher safe."),
    ("espresso-cup", "Espresso cup", "table", 1200, "80 ml with a saucer, thick wall."),
    ("water-carafe", "Water carafe", "table", 2700, "One litre of mouth-blown glass, cork lid."),
    ("olive-spoon", "Olive-wood spoon", "table", 1100, "28 cm, oiled, made of pruned branches."),
    ("bread-knife", "Bread knife", "table", 4400, "Serrated, 24 cm, handle of walnut."),
    ("flour-jar", "Flour jar", "store", 2600, "Two litres, airtight with a beech lid."),
    ("spice-tins", "Spice tins", "store", 1900, "Set of six, with labels to write on."),
    ("bread-box", "Bread box", "store", 5900, "Steel, its lid is a cutting board."),
    ("lunch-box", "Lunch box", "store", 2900, "Two levels, leakproof, goes on trains well."),
    ("wire-basket", "Wire basket", "store", 2200, "For fruit, or for everything else."),
    ("wall-hooks", "Wall hooks", "store", 1600, "Five of brass; screws are in the bag."),
    ("linen-towel", "Linen towel", "cloth", 1500, "Washed linen, 50 by 70 cm, with a loop."),
    ("canvas-apron", "Canvas apron", "cloth", 4200, "Crossed straps, three pockets."),
    ("oven-mitts", "Oven mitts", "cloth", 2300, "A pair, quilted cotton, up to 220 °C."),
    ("table-runner", "Table runner", "cloth", 3400, "Linen, 40 by 150 cm, stonewashed."),
    ("napkins", "Napkins", "cloth", 2800, "Set of four, hemmed, 45 by 45 cm."),
    ("market-bag", "Market bag", "cloth", 1700, "Knotted cotton net, carries ten kilograms."),
]
_TABLE = sa.table(
    "products",
    *(sa.column(name, sa.Text) for name in ("slug", "name", "category")),
    sa.column("price_cents", sa.Integer),
    sa.column("description", sa.Text),
)


def upgrade() -> None:
    names = [column.name for column in _TABLE.columns]
    op.bulk_insert(_TABLE, [dict(zip(names, product, strict=True)) for product in PRODUCTS])


def downgrade() -> None:
    op.execute(_TABLE.delete().where(_TABLE.c.slug.in_([product[0] for product in PRODUCTS])))
