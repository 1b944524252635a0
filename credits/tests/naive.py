"""Credits as the rules say it in words, without a database and without a line of the real code.

One customer. There are two lists that only grow – movements, made of postings – and what anybody asks is added up from
them anew each time. It is slow, and short enough to be read beside the rules; the real room must agree with it.
"""

from dataclasses import dataclass, field
from datetime import datetime


class RefusedError(Exception):
    """The rules say no, and nothing changed."""


@dataclass(eq=False)
class Grant:
    name: str
    currency: str
    amount: int
    kind: str  # of the movement that funds it: funded or adjustment
    is_paid: bool
    priority: int
    features: tuple[str, ...]
    effective_at: datetime
    expires_at: datetime | None
    granted_at: datetime
    number: int
    is_voided: bool = False
    is_expired: bool = False

    def pays_for(self, feature):
        return self.features == () or feature in self.features

    def is_over(self, at):
        return self.expires_at is not None and self.expires_at <= at


@dataclass(eq=False)
class Charge:
    key: str
    group: str
    currency: str
    feature: str
    booked_at: datetime
    number: int


@dataclass(eq=False)
class Posting:
    """`pot` is credit (of a grant) or overdraft (of a charge)."""

    pot: str
    amount: int
    grant: Grant | None
    charge: Charge | None


@dataclass(eq=False)
class Movement:
    kind: str
    currency: str
    booked_at: datetime
    created_at: datetime
    number: int
    postings: list[Posting]

    @property
    def amount(self):
        return sum(posting.amount for posting in self.postings)


@dataclass(eq=False)
class Share:
    """What a grant pays of a charge, drawn or repaid later, and how much of that was given back."""

    charge: Charge
    grant: Grant
    amount: int
    repays: bool
    returned: int = 0


@dataclass(eq=False)
class Waiting:
    """An open charge. `settles_at`: when it becomes a charge; without it somebody else takes it away."""

    key: str
    group: str
    currency: str
    feature: str
    amount: int
    may_overdraw: bool
    settles_at: datetime | None


@dataclass
class Customer:
    grants: list[Grant] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)

    # --- what anybody may ask ----------------------------------------------------------------------------------------

    def settled(self, currency, at=None):
        """The movements up to an instant, with the releases and expiries that nobody has booked yet."""
        rows = [row for row in self.movements if row.currency == currency and (at is None or row.booked_at <= at)]
        total = sum(row.amount for row in rows)
        return total if at is None else total + self._unbooked(currency, at)

    def as_of(self, at):
        """This customer as if every release and expiry up to `at` had been booked."""
        other = self._copy()
        other.book_due(at, at)
        return other

    def left(self, grant):
        return sum(one.amount for one in self._postings("credit") if one.grant is grant)

    def owed(self, charge):
        return -sum(one.amount for one in self._postings("overdraft") if one.charge is charge)

    def overdraft(self, currency):
        return sum(self.owed(charge) for charge in self.charges if charge.currency == currency)

    def pending(self, grant):
        """Granted, and not on the ledger yet."""
        funded = sum(
            posting.amount
            for row in self.movements
            if row.kind == grant.kind
            for posting in row.postings
            if posting.grant is grant and posting.amount > 0
        )
        return 0 if grant.is_voided or grant.is_expired else grant.amount - funded

    def covered(self, charge):
        return sum(share.amount - share.returned for share in self.shares if share.charge is charge)

    def held(self, group):
        """What a correction of the group could give back."""
        charges, waiting = self._of_group(group)
        return sum(self.owed(one) + self.covered(one) for one in charges) + sum(one.amount for one in waiting)

    def next_expiry(self, currency, at):
        _, used = self._spent_open(currency, at)
        mine = [one for one in self.grants if one.currency == currency and one.expires_at and one.expires_at > at]
        ends = [(one.expires_at, self.left(one) - used[id(one)]) for one in mine if self.left(one) > used[id(one)]]
        first = min((one for one, _ in ends), default=None)
        return first and (first, sum(amount for one, amount in ends if one == first))

    def history(self, currency):
        """Newest first: (kind, amount, before, after, booked_at)."""
        rows, balance = [], 0
        mine = [row for row in self.movements if row.currency == currency]
        for row in sorted(mine, key=lambda row: (row.booked_at, row.created_at, row.number)):
            rows.append((row.kind, row.amount, balance, balance + row.amount, row.booked_at))
            balance += row.amount
        return rows[::-1]

    def settled_for(self, currency, feature, at):
        """What a feature may use ("": a charge without one), less overdraft that is its own or of charges without."""
        credit = sum(
            self.left(grant)
            for grant in self.grants
            if grant.currency == currency and grant.effective_at <= at and grant.pays_for(feature)
        )
        return credit - sum(
            self.owed(charge)
            for charge in self.charges
            if charge.currency == currency and charge.feature in ("", feature)
        )

    def available(self, currency, at, feature=None):
        """Settled less the open charges; those that an invoice takes stop where credit stops."""
        settled = self.settled(currency) if feature is None else self.settled_for(currency, feature, at)
        return settled - self._spent_open(currency, at, feature)[0]

    def _spent_open(self, currency, at, feature=None):
        """What open charges take, and how much of it of each grant."""
        mine = [one for one in self.waiting if one.currency == currency and (one.settles_at or at) <= at]
        mine = [one for one in mine if feature is None or one.feature in ("", feature)]
        taken, used = 0, {id(grant): 0 for grant in self.grants}
        for one in [one for one in mine if one.may_overdraw] + [one for one in mine if not one.may_overdraw]:
            rest = one.amount
            for grant in self.in_order(currency, one.feature, at):
                part = min(rest, self.left(grant) - used[id(grant)])
                used[id(grant)] += part
                rest -= part
            taken += one.amount if one.may_overdraw else one.amount - rest
        return taken, used

    def in_order(self, currency, feature, at):
        """Priority, restricted before unrestricted, earlier expiry (never: last), oldest."""
        able = [
            grant for grant in self.grants
            if grant.currency == currency and grant.effective_at <= at and not grant.is_over(at)
            and grant.pays_for(feature)
        ]  # fmt: skip
        able.sort(key=lambda grant: grant.number)
        able.sort(key=lambda grant: grant.granted_at)
        able.sort(key=lambda grant: (grant.expires_at is None, grant.expires_at and grant.expires_at.timestamp()))
        able.sort(key=lambda grant: grant.features == ())
        able.sort(key=lambda grant: grant.priority)
        return able

    # --- what may happen ---------------------------------------------------------------------------------------------

    def grant(self, *, name, currency, amount, at, priority=10, features=(), effective_at=None, expires_at=None,
              is_paid=True, kind="funded"):  # fmt: skip
        effective_at = effective_at or at
        if expires_at is not None and (expires_at <= effective_at or expires_at <= at):
            raise RefusedError
        new = Grant(
            name, currency, amount, kind, is_paid, priority, features, effective_at, expires_at, at, len(self.grants)
        )
        if is_paid:
            self.book_due(at, at, currency)
        self.grants.append(new)
        if is_paid:
            self._fund(new, at, at)
        return new

    def pay(self, grant, at):
        """Paid after its expiry, what does not repay overdraft is gone at once."""
        if grant.is_paid:
            return
        self.book_due(at, at, grant.currency)
        grant.is_paid, grant.is_expired = True, False
        self._fund(grant, at, at)
        if grant.is_over(at):
            self._forfeit(grant, "expired", at, at)
            grant.is_expired = True

    def charge(self, *, key, group, currency, feature, amount, booked_at, at, may_overdraw):
        """Usage or a fee. One that is due later waits until then; for an invoice, the credit of now pays it."""
        if any(one.key == key for one in [*self.charges, *self.waiting]):
            return
        if booked_at > at and may_overdraw:
            self.waiting.append(Waiting(key, group, currency, feature, amount, may_overdraw, booked_at))
            return
        booked_at = min(booked_at, at)
        self.book_due(booked_at, at, currency)
        charge = Charge(key, group, currency, feature, booked_at, len(self.charges))
        self._take(charge, amount, at, may_overdraw, "consumed")

    def settle_waiting(self, at):
        """What waited for its time becomes a charge of that time, the earliest first."""
        ripe = [one for one in self.waiting if one.settles_at is not None and one.settles_at <= at]
        for one in sorted(ripe, key=lambda one: one.settles_at):
            self.waiting.remove(one)
            self.charge(
                key=one.key, group=one.group, currency=one.currency, feature=one.feature, amount=one.amount,
                booked_at=one.settles_at, at=at, may_overdraw=one.may_overdraw,
            )  # fmt: skip

    def correct(self, *, group, amount, at):
        """Give back, the newest first: what still waits, then of each charge its overdraft and what paid last."""
        charges, waiting = self._of_group(group)
        held = self.held(group)
        if amount is not None and not 0 < amount <= held:
            raise RefusedError
        self.book_due(at, at)
        rest = amount = held if amount is None else amount
        for one in sorted(waiting, key=lambda one: (one.settles_at, self.waiting.index(one)), reverse=True):
            part = min(rest, one.amount)
            one.amount -= part
            rest -= part
        self.waiting = [one for one in self.waiting if one.amount]
        for charge in sorted(charges, key=lambda charge: (charge.booked_at, charge.number), reverse=True):
            rest -= self._return_overdraft(charge, min(rest, self.owed(charge)), at)
            for share in [share for share in self.shares if share.charge is charge][::-1]:
                rest -= self._return(share, min(rest, share.amount - share.returned), at)
        return amount

    def void(self, grant, at):
        if grant.is_voided:
            return
        other = self.as_of(at)
        then = other.grants[grant.number]
        if not then.is_paid or then.effective_at > at or then.is_over(at) or not other.left(then):
            raise RefusedError
        self.book_due(at, at, grant.currency)
        self._forfeit(grant, "voided", at, at)
        grant.is_voided = True

    def adjust(self, *, key, currency, amount, at):
        if amount > 0:
            self.grant(name=key, currency=currency, amount=amount, at=at, kind="adjustment")
            return
        self.book_due(at, at, currency)
        self._take(Charge(key, key, currency, "", at, len(self.charges)), -amount, at, True, "adjustment")

    def book_due(self, until, created_at, currency=None):
        """Everything that starts or ends by itself, in the order of time; at one instant the older grant first."""
        while due := sorted(self._due(until, currency), key=lambda one: one[:2]):
            at, _, is_end, grant = due[0]
            if is_end:
                self._forfeit(grant, "expired", at, created_at)
                grant.is_expired = True
            else:
                self._release(grant, at, created_at)

    def _of_group(self, group):
        charges = [charge for charge in self.charges if group in (charge.group, charge.key)]
        return charges, [one for one in self.waiting if one.settles_at and group in (one.group, one.key)]

    # --- how ---------------------------------------------------------------------------------------------------------

    def _due(self, until, currency):
        for grant in self.grants:
            if grant.is_voided or grant.is_expired or currency not in (None, grant.currency):
                continue
            if grant.is_paid and self.pending(grant) > 0 and grant.effective_at <= until:
                yield grant.effective_at, grant.number, False, grant
            elif grant.is_over(until):
                yield grant.expires_at, grant.number, True, grant

    def _unbooked(self, currency, at):
        rows = self.as_of(at).movements[len(self.movements) :]
        return sum(row.amount for row in rows if row.currency == currency)

    def _postings(self, pot):
        return (posting for row in self.movements for posting in row.postings if posting.pot == pot)

    def _fund(self, grant, at, created_at):
        """Repay at once, whatever its start; what is left is there at once, too, or when it starts."""
        if grant.effective_at <= at:
            self._release(grant, at, created_at)
            return
        if repaid := self._repayments(grant, grant.amount):
            self._add(grant.kind, grant.currency, at, created_at, repaid)

    def _release(self, grant, at, created_at):
        pending = self.pending(grant)
        repaid = self._repayments(grant, pending)
        rest = pending - sum(posting.amount for posting in repaid)
        released = [Posting("credit", rest, grant, None)] if rest else []
        self._add(grant.kind, grant.currency, at, created_at, repaid + released)

    def _repayments(self, grant, amount):
        repaid = []
        charges = [one for one in self.charges if one.currency == grant.currency and grant.pays_for(one.feature)]
        for charge in sorted(charges, key=lambda charge: (charge.booked_at, charge.number)):
            part = min(amount, self.owed(charge))
            if part:
                repaid.append(Posting("overdraft", part, grant, charge))
                self.shares.append(Share(charge, grant, part, repays=True))
                amount -= part
        return repaid

    def _take(self, charge, amount, at, may_overdraw, kind):
        for grant in self.in_order(charge.currency, charge.feature, charge.booked_at):
            part = min(amount, self.left(grant))
            if part:
                self._add(kind, charge.currency, charge.booked_at, at, [Posting("credit", -part, grant, charge)])
                self.shares.append(Share(charge, grant, part, repays=False))
                amount -= part
        if amount and may_overdraw:
            self._add(kind, charge.currency, charge.booked_at, at, [Posting("overdraft", -amount, None, charge)])
        if may_overdraw or any(share.charge is charge for share in self.shares):
            self.charges.append(charge)

    def _return_overdraft(self, charge, amount, at):
        if amount:
            self._add("correction", charge.currency, at, at, [Posting("overdraft", amount, None, charge)])
        return amount

    def _return(self, share, amount, at):
        if not amount:
            return 0
        grant = share.grant
        share.returned += amount
        self._add("correction", grant.currency, at, at, [Posting("credit", amount, grant, share.charge)])
        if grant.is_voided or grant.is_over(at):
            self._forfeit(grant, "voided" if grant.is_voided else "expired", at, at)
        return amount

    def _forfeit(self, grant, kind, at, created_at):
        if left := self.left(grant):
            self._add(kind, grant.currency, at, created_at, [Posting("credit", -left, grant, None)])

    def _add(self, kind, currency, booked_at, created_at, postings):
        self.movements.append(Movement(kind, currency, booked_at, created_at, len(self.movements), postings))

    def _copy(self):
        """The same past, to try out a future: its lists are others, and so are its grants."""
        grants = {id(grant): Grant(**vars(grant)) for grant in self.grants}
        postings = lambda row: [  # noqa: E731
            Posting(one.pot, one.amount, grants.get(id(one.grant)), one.charge) for one in row.postings
        ]
        return Customer(
            list(grants.values()),
            list(self.charges),
            [Movement(**vars(row) | {"postings": postings(row)}) for row in self.movements],
            [Share(**vars(one) | {"grant": grants[id(one.grant)]}) for one in self.shares],
            list(self.waiting),
        )
