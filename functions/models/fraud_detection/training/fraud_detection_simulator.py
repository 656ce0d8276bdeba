"""A simulator of card transactions and of three kinds of fraud, written from the handbook's published description.

Source of the description: Le Borgne et al. (2022), Reproducible Machine Learning for Credit Card Fraud Detection,
chapter 3, "Transaction data simulator". None of its code is used; the draws, and so the transactions, are others.
"""

from dataclasses import dataclass

import numpy as np
from fraud_detection_data import Transactions
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fraud_detection.features import DAY_SECONDS

NOON, TIME_SPREAD = DAY_SECONDS / 2, 20_000.0
"""Mean and standard deviation of the time of day of a payment, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is simulated.

    Attributes
    ----------
    customers, terminals, days : int
        How many.
    radius : float
        How far from home a customer pays, on a map of 100 by 100.
    large_amount : float
        Scenario 1: every payment above it is fraudulent.
    terminals_a_day, terminal_days : int
        Scenario 2: so many terminals are compromised each day, and every payment there is fraudulent for so many days.
    customers_a_day, customer_days : int
        Scenario 3: so many customers' credentials leak each day; for so many days part of their payments is a thief's.
    stolen_share, stolen_factor : float
        That part, and what its amounts are multiplied by.
    """

    customers: int = 5_000
    terminals: int = 10_000
    days: int = 75
    radius: float = 5.0
    large_amount: float = 220.0
    terminals_a_day: int = 2
    terminal_days: int = 28
    customers_a_day: int = 3
    customer_days: int = 14
    stolen_share: float = 1 / 3
    stolen_factor: float = 5.0


def simulate(world: World, seed: int) -> Transactions:
    """Draw a world's transactions, in the order of time; the same seed and sizes give the same ones.

    Notes
    -----
    A customer lives somewhere, pays a mean amount of 5 to 100 with a standard deviation of half of it, makes up to four
    payments a day on average, and pays at any terminal within the radius alike; who has none nearby pays nowhere.
    """
    random = np.random.default_rng(seed)
    seconds, customers, terminals, amounts = _draw_payments(world, random)
    order = np.argsort(seconds, kind="stable")
    genuine = Transactions(
        seconds[order], customers[order], terminals[order], amounts[order], np.zeros(order.size, np.int8)
    )
    return _commit_frauds(genuine, world, random)


def _draw_payments(
    world: World, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Draw time, customer, terminal and amount of every payment, day by day for each customer."""
    homes, places = random.uniform(0, 100, (world.customers, 2)), random.uniform(0, 100, (world.terminals, 2))
    nearby = cKDTree(places).query_ball_point(homes, world.radius, return_sorted=True)
    near = np.array([len(found) for found in nearby])
    means, rates = random.uniform(5, 100, world.customers), random.uniform(0, 4, world.customers)
    counts = random.poisson(np.where(near > 0, rates, 0.0)[:, np.newaxis], (world.customers, world.days))
    customers = np.repeat(np.arange(world.customers), counts.sum(axis=1))
    days = np.repeat(np.tile(np.arange(world.days), world.customers), counts.ravel())
    clock = random.normal(NOON, TIME_SPREAD, customers.size)
    # A time outside the day is no payment, so that nights are quiet and days are not cut off sharply.
    inside = (clock > 0) & (clock < DAY_SECONDS)
    customers, days, clock = customers[inside], days[inside], clock[inside]
    amounts = random.normal(means[customers], means[customers] / 2)
    amounts = np.where(amounts < 0, random.uniform(0, 2 * means[customers]), amounts)
    flat, starts = np.concatenate([np.array(found, np.int64) for found in nearby]), np.cumsum(near) - near
    terminals = flat[starts[customers] + random.integers(0, near[customers])]
    return days * DAY_SECONDS + clock.astype(np.int64), customers, terminals, np.round(amounts, 2)


def _commit_frauds(genuine: Transactions, world: World, random: np.random.Generator) -> Transactions:
    """Mark and change what the three scenarios make fraudulent; where two meet, the later scenario names it."""
    days, amounts = genuine.days, genuine.amounts.copy()
    scenarios = np.where(amounts > world.large_amount, 1, 0).astype(np.int8)
    for day in range(world.days):
        taken = random.choice(world.terminals, min(world.terminals_a_day, world.terminals), replace=False)
        start, end = np.searchsorted(days, [day, day + world.terminal_days])
        scenarios[start:end][np.isin(genuine.terminals[start:end], taken)] = 2
    for day in range(world.days):
        taken = random.choice(world.customers, min(world.customers_a_day, world.customers), replace=False)
        start, end = np.searchsorted(days, [day, day + world.customer_days])
        theirs = start + np.flatnonzero(np.isin(genuine.customers[start:end], taken))
        stolen = random.choice(theirs, int(theirs.size * world.stolen_share), replace=False)
        amounts[stolen] = np.round(amounts[stolen] * world.stolen_factor, 2)
        scenarios[stolen] = 3
    return Transactions(genuine.seconds, genuine.customers, genuine.terminals, amounts, scenarios)
