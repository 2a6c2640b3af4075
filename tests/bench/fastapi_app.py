"""What Troupe is compared with: FastAPI, SQLAlchemy 2 (async) and asyncpg, as their makers advise.

Measured by tests/bench/run, and its answers recorded by tests/service/record."""

import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, status
from pydantic import BaseModel, ConfigDict
from sqlalchemy import BigInteger, Identity, Text, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["DATABASE_URL"])
make_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text, index=True)
    description: Mapped[str | None] = mapped_column(Text)


class ItemCreate(BaseModel):
    name: str
    description: str | None = None


class ItemUpdate(BaseModel):
    # May be absent, but not null. The default is never written: only what was sent is.
    name: str = ""
    description: str | None = None


class ItemRead(ItemCreate):
    model_config = ConfigDict(from_attributes=True)

    id: int


async def get_session() -> AsyncIterator[AsyncSession]:
    async with make_session() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


@app.post("/items/", response_model=ItemRead, status_code=status.HTTP_201_CREATED)
async def create_item(item: ItemCreate, session: Session) -> Item:
    row = Item(**item.model_dump())
    session.add(row)
    await session.commit()
    return row


@app.get("/items/", response_model=list[ItemRead])
async def list_items(session: Session, skip: int = 0, limit: int = 10) -> list[Item]:
    rows = await session.scalars(select(Item).order_by(Item.id).offset(skip).limit(limit))
    return list(rows)


@app.get("/items/{item_id}", response_model=ItemRead)
async def read_item(item_id: int, session: Session) -> Item:
    row = await session.get(Item, item_id)
    if row is None:
        raise HTTPException(status_code=404, detail="Item not found")
    return row


@app.put("/items/{item_id}", response_model=ItemRead)
async def replace_item(item_id: int, item: ItemCreate, session: Session) -> Item:
    row = await read_item(item_id, session)
    for name, value in item.model_dump().items():
        setattr(row, name, value)
    await session.commit()
    return row


@app.patch("/items/{item_id}", response_model=ItemRead)
async def update_item(item_id: int, item: ItemUpdate, session: Session) -> Item:
    row = await read_item(item_id, session)
    for name, value in item.model_dump(exclude_unset=True).items():
        setattr(row, name, value)
    await session.commit()
    return row


@app.delete("/items/{item_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_item(item_id: int, session: Session) -> None:
    await session.delete(await read_item(item_id, session))
    await session.commit()
