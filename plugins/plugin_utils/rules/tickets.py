# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about gas, reserve, deposit and tickets: prices that fit under a cap on paper, and are refused all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil

from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import accounts, asks
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import tickets as facts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, Payment, Role, placeholder
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import pays
from ansible_collections.livepeer.fleet.plugins.plugin_utils.price_plan import Purchase
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import (
    LARGEST,
    WEI,
    WEI_PER_ETH,
    Offer,
    Rate,
    advertised,
    amount_text,
    go_rational,
    lowest_cap,
    percent,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.held import Held, held
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, of_each, setting
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.cases import FOR_WANT_OF_FUNDS
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.deals import Refusal
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.figures import Funds, Sale
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.payers import adjusts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.terms import (
    OF_ORCHESTRATORS,
    OF_PAYERS,
    WEI_PER_GWEI,
    TicketError,
    faults,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.written import readable

LOW, HIGH = 0, 1
"""Places of the lowest and the highest stated gas price."""


def too_large(survey: Survey) -> Iterator[Finding]:
    """LPF205: a price in wei that an orchestrator which does not adjust it cannot send at all."""
    for node in survey.fleet.nodes:
        if node.role is not Role.ORCHESTRATOR or not node.onchain or adjusts(node):
            continue
        asked = (ask for account in ("", *sorted(accounts(node))) for ask in asks(node, account).values() if ask.rate is not None)
        prices = {ask.variable: ask.rate.amount for ask in asked if ask.rate is not None and ask.rate.currency == WEI}
        yield from (_unsent(node, variable, amount) for variable, amount in prices.items() if advertised(amount, None) is None)


def _unsent(node: Node, variable: str, amount: Fraction) -> Finding:
    return finding(
        "LPF205",
        node,
        "the price is too large to be sent, so that it answers every gateway with an error",
        variable=variable,
        got=f"{amount_text(Rate(amount, WEI))} wei for one",
        limit=f"at most {LARGEST} wei for one",
        hint="a lower price, or the same one for more units",
    )


def stopping_flags(survey: Survey) -> Iterator[Finding]:
    """LPF501: a flag about tickets with which a node does not start, or is never paid."""
    for node in survey.fleet.nodes:
        names = OF_ORCHESTRATORS if node.role is Role.ORCHESTRATOR and node.onchain else ()
        names = OF_PAYERS if node.role is Role.REMOTE_SIGNER or (node.role is Role.GATEWAY and pays(node)) else names
        # What a secret holds is not known here.
        plain = {name: text for name, text in node.settings.flags.items() if text != placeholder(f"flag_{name}")}
        for fault in faults(names, plain):
            variable = f"{node.sources['flags'].variable}.{fault.flag}"
            said = f"{fault.effect}: -{fault.flag} takes {fault.wanted}"
            yield finding("LPF501", node, said, variable=variable, got=fault.got, limit=fault.wanted, hint=_instead(variable, fault))


def _instead(variable: str, fault: TicketError) -> str:
    """The number that was meant, where the flag takes it in plain digits."""
    meant = go_rational(fault.got)
    if meant is not None and meant > 0 and not list(faults((fault.flag,), {fault.flag: str(meant)})):
        return setting(variable, str(meant))
    return f"remove {variable}, so that go-livepeer's own value counts"


def headroom_under_gas(survey: Survey) -> Iterator[Finding]:
    """LPF209: the cap fits the price, and not what gas makes of it; or nobody can tell."""
    caps = _Caps(survey)
    known = survey.purchases
    for found in known:
        broken = [sale for sale in found.sales if sale.case.breaks(sale.cap)]
        if broken:
            yield from of_each(found.accounts, _broken(found, broken, caps.of(found)))
    yield from _unknown(known)


def _broken(found: Purchase, broken: list[Sale], cap: Held) -> Finding:
    figures = found.figures
    worst = max(broken, key=lambda sale: (sale.case.highest or 0) / (sale.cap or 1))
    price = _price(found, worst, HIGH)
    survives = (
        f"it survives {readable(figures.survives_gwei)} gwei and no more" if figures.survives_gwei else "it survives no gas price at all"
    )
    instead = cap.right_with(max(figures.cap_instead, _least_cap(found))) if figures.cap_instead is not None else ""
    return finding(
        "LPF209",
        found.account,
        f"the cap does not survive the stated gas price: at {_gwei(worst, HIGH)} gwei {worst.orchestrators[0]} asks {price}"
        f"{_and_more(broken)}; {survives}",
        variable=cap.cap.variable,
        got=cap.got,
        limit=price if cap.cap.pixels_per_unit == 1 else cap.amount(worst.case.highest or Fraction(0)),
        hint=", or ".join(filter(None, (_lines(found, figures.safe), instead))),
        others=_hosts(worst),
        level=Level.WARNING,
    )


def _least_cap(found: Purchase) -> Fraction:
    """What LPF201 wants of the cap: no advice goes below."""
    least = percent(found.account.headroom_min) if found.account.knows("headroom_min") else Fraction(0)
    return max(lowest_cap(Offer(sale.case.deal.base, sale.case.deal.adjusts), least) for sale in found.sales)


def _unknown(known: Iterable[Purchase]) -> Iterator[Finding]:
    """One line for each gateway, whatever it may be asked."""
    lacking: dict[tuple[str, str], tuple[Node, Purchase]] = {}
    for found in known:
        if found.payer.lacks and any(sale.case.deal.base for sale in found.sales):
            for node in found.accounts:
                lacking.setdefault((node.host, node.name), (node, found))
    for node, found in lacking.values():
        what = (
            "whether the deposit covers the tickets cannot be told"
            if all(sale.case.complete for sale in found.sales)
            else "what gas makes of the prices, and whether reserve and deposit are enough, cannot be told"
        )
        yield finding(
            "LPF209",
            node,
            what,
            variable=found.payer.lacks[0],
            hint=f"say {_listed(found.payer.lacks)}",
            level=Level.INFO,
        )


def funds(survey: Survey) -> Iterable[Finding]:
    """LPF210: reserve or deposit are too small, whatever the cap."""
    return _joined(_funds(survey))


def _funds(survey: Survey) -> Iterator[Finding]:
    for found in survey.purchases:
        for refusal in FOR_WANT_OF_FUNDS:
            place = _first(found, refusal)
            if place is not None:
                short = [sale for sale in found.sales if refusal in sale.case.refusals[place]]
                said = _reserve(found, short, place) if refusal is Refusal.RESERVE else (_deposit(found, short, place),)
                mild = place == HIGH or found.if_selected
                for one in said:
                    yield from _of_all(found, replace(one, level=Level.WARNING if mild else Level.ERROR))


def _of_all(found: Purchase, one: Finding) -> Iterable[Finding]:
    """A finding about the gateways for each of them; one about an orchestrator is about all of them already."""
    about_them = (one.hosts[0], one.node) == (found.account.host, found.account.name)
    return of_each(found.accounts, one) if about_them else (one,)


def _joined(findings: Iterable[Finding]) -> Iterator[Finding]:
    """What asks for one value of one node, for gateways or workloads that differ, said once: in the words that count the most."""
    alike: dict[Finding, list[Finding]] = {}
    for one in findings:
        alike.setdefault(replace(one, hosts=one.hosts[:1], message=""), []).append(one)
    for same in alike.values():
        hosts = dict.fromkeys(host for one in same for host in one.hosts)
        yield replace(max(same, key=lambda one: len(one.message)), hosts=tuple(hosts))


def _first(found: Purchase, refusal: Refusal) -> int | None:
    """The lowest of the stated gas prices at which somebody is refused for this."""
    return next((place for place in (LOW, HIGH) if any(refusal in sale.case.refusals[place] for sale in found.sales)), None)


def _reserve(found: Purchase, short: list[Sale], place: int) -> Iterator[Finding]:
    """The orchestrator's limit on its tickets, the share of the reserve, or both are too little."""
    limited = [sale for sale in short if 0 < sale.case.deal.terms.max_face_value < _least(sale, place)]
    poor = [sale for sale in short if sale.case.deal.share < _least(sale, place)]
    if limited:
        yield _limited(found, limited, place)
    if poor:
        yield _poor(found, poor, place)


def _least(sale: Sale, place: int) -> int:
    return sale.case.deal.terms.least_face_value(sale.case.gas[place])


def _refuses(sale: Sale) -> str:
    return f'{sale.orchestrators[0]} refuses the gateway, whatever the cap ("insufficient sender reserve"): '


def _limited(found: Purchase, short: list[Sale], place: int) -> Finding:
    worst = max(short, key=lambda sale: _least(sale, place))
    least = _least(worst, HIGH)
    return _of_orchestrator(
        "LPF210",
        found,
        worst,
        f"{_refuses(worst)}its maxFaceValue is too little for a ticket at {_gwei(worst, place)} gwei{_and_more(short)}",
        flag="maxFaceValue",
        got=str(worst.case.deal.terms.max_face_value),
        limit=f"at least {least}",
        hint=f'livepeer_orchestrator_flags: {{maxFaceValue: "{least}"}}, or without it',
    )


def _poor(found: Purchase, short: list[Sale], place: int) -> Finding:
    worst = max(short, key=lambda sale: _least(sale, place))
    share = _eth(worst.case.deal.share)
    enough = _enough(found)
    return finding(
        "LPF210",
        found.account,
        f"{_refuses(worst)}its share of the reserve, {share} ETH, is too little at {_gwei(worst, place)} gwei{_and_more(short)}",
        field="reserve_eth",
        got=f"{_eth(found.payer.reserve or 0)} ETH",
        limit=f"at least {readable(enough.reserve_eth)} ETH" if enough else "",
        hint=_lines(found, enough),
        others=_hosts(worst),
    )


def _enough(found: Purchase) -> Funds | None:
    """Funds for the stated gas: under the present caps where some do, else without a look at them."""
    return found.figures.safe or replace(found, sales=tuple(map(_freed, found.sales))).figures.safe


def _freed(sale: Sale) -> Sale:
    """The same without cap, and with the least ``maxFaceValue`` that does."""
    terms = sale.case.deal.terms
    most = max(terms.max_face_value, _least(sale, HIGH)) if terms.max_face_value else 0
    deal = replace(sale.case.deal, terms=replace(terms, max_face_value=most))
    return replace(sale, cap=None, case=replace(sale.case, deal=deal))


def _deposit(found: Purchase, short: list[Sale], place: int) -> Finding:
    worst = max(short, key=lambda sale: sale.case.deal.deposit_for(sale.case.gas[place]))
    needed = worst.case.deal.deposit_for(worst.case.gas[place])
    figures = found.figures
    instead = figures.max_face_value_instead
    return finding(
        "LPF210",
        found.account,
        f"the deposit does not cover a ticket of {worst.orchestrators[0]} at {_gwei(worst, place)} gwei, so that no job is paid"
        f"{_and_more(short)}",
        field="deposit_eth",
        got=f"{_eth(found.payer.deposit or 0)} ETH",
        limit=f"at least, for one ticket, {_eth(needed)} ETH",
        hint=_lines(found, _enough(found))
        + (f', or livepeer_orchestrator_flags: {{maxFaceValue: "{instead}"}}' if instead is not None else ""),
        others=_hosts(worst),
    )


def ticket_limits(survey: Survey) -> Iterable[Finding]:
    """LPF211: a limit on tickets refuses the price, whatever the cap and the funds."""
    return _joined(_ticket_limits(survey))


def _ticket_limits(survey: Survey) -> Iterator[Finding]:
    for found in survey.purchases:
        for refusal, describe in LIMITS.items():
            place = _first(found, refusal)
            if place is not None:
                hit = [sale for sale in found.sales if refusal in sale.case.refusals[HIGH]] or list(found.sales)
                worst = max(hit, key=lambda sale: sale.case.highest or 0)
                mild = found.if_selected or gateway_settings(found.gateway).payment is Payment.CLEARINGHOUSE
                one = replace(describe(found, worst), level=Level.WARNING if mild else Level.ERROR)
                yield from _of_all(found, replace(one, message=one.message + _and_more(hit)))


def _first_payment(found: Purchase, worst: Sale) -> Finding:
    price = worst.case.highest or Fraction(0)
    charged = price * facts.first_payment_pixels()
    least = ceil(charged / facts.first_payment_tickets())
    also: dict[str, int] = {}
    if least >= worst.case.deal.limits.max_ticket_ev:
        also["maxTicketEV"] = least + 1
    if charged > worst.case.deal.limits.max_total_ev:
        also["maxTotalEV"] = facts.first_payment_tickets() * (least + 1)
    return _of_orchestrator(
        "LPF211",
        found,
        worst,
        f"the signer refuses the first payment of a live stream: 60 s at {_price(found, worst, HIGH)} take more than"
        f" {facts.first_payment_tickets()} tickets of {worst.orchestrators[0]}",
        flag="ticketEV",
        got=str(worst.case.deal.terms.ticket_ev),
        limit=f"at least {least}",
        hint=f'livepeer_orchestrator_flags: {{ticketEV: "{least}"}}' + (f", and {_at_payer(found, also)}" if also else ""),
    )


def _ticket_value(found: Purchase, worst: Sale) -> Finding:
    most, expected = worst.case.deal.limits.max_ticket_ev, worst.case.deal.terms.ticket_ev
    return finding(
        "LPF211",
        found.account,
        f"a ticket of {worst.orchestrators[0]} is worth more than {_payer(found)} takes, whatever the price"
        + (" (probabilities are rounded up, so that an equal maxTicketEV is too low)" if most == expected else ""),
        variable=_limit_variable(found, "maxTicketEV"),
        got=_limit_got(found, "maxTicketEV", most),
        limit=f"ticketEV {expected}",
        hint=(f'livepeer_orchestrator_flags: {{ticketEV: "{ceil(most) - 1}"}}, or ' if most > 1 else "")
        + f"maxTicketEV {expected + 1} at {_payer(found)}",
        others=_hosts(worst),
    )


def _payment_value(found: Purchase, worst: Sale) -> Finding:
    deal = worst.case.deal
    gas = worst.case.gas[HIGH]
    value = deal.terms.value(deal.terms.face_value(deal.share, gas))
    needed = ceil(deal.tickets(deal.advertised(gas) or Fraction(0), value) * value)
    what = "60 s of live video" if deal.signed else "a segment" if deal.job else "one ticket"
    return finding(
        "LPF211",
        found.account,
        f"{_payer(found)} does not pay {worst.orchestrators[0]}: {what} at {_price(found, worst, HIGH)} costs more than one payment may",
        variable=_limit_variable(found, "maxTotalEV"),
        got=_limit_got(found, "maxTotalEV", deal.limits.max_total_ev),
        limit=f"at least {needed}",
        hint=_at_payer(found, {"maxTotalEV": needed}),
        others=_hosts(worst),
    )


def _face_value(found: Purchase, worst: Sale) -> Finding:
    terms = worst.case.deal.terms
    limited = terms.max_face_value and terms.max_face_value <= worst.case.deal.share
    return _of_orchestrator(
        "LPF211",
        found,
        worst,
        f"a ticket of {worst.orchestrators[0]} is worth no more when it wins than what is expected of it, which {_payer(found)} refuses",
        flag="maxFaceValue" if limited else "ticketEV",
        got=f"maxFaceValue {terms.max_face_value}" if limited else f"ticketEV {terms.ticket_ev}",
        limit=f"above {terms.ticket_ev}" if limited else f"below {worst.case.deal.share}",
        hint="a larger maxFaceValue, or none" if limited else "a smaller ticketEV, or a larger reserve",
    )


LIMITS = {
    Refusal.SIGNER: _first_payment,
    Refusal.TICKET_EV: _ticket_value,
    Refusal.TOTAL_EV: _payment_value,
    Refusal.FACE_VALUE: _face_value,
}


class _Caps:
    """The cap of a gateway for a workload, with the prices that are held against it."""

    def __init__(self, survey: Survey) -> None:
        self.routes = {(node.host, node.name): route for route in survey.routes for node in route.gateways}

    def of(self, found: Purchase) -> Held:
        """That of the workload of a purchase, one of whose prices breaks it."""
        route = self.routes[found.gateway.host, found.gateway.name]
        return next(one for one in held(route) if any(workload == found.workload for _alike, workload, _ask in one.asks))


def _limit_variable(found: Purchase, flag: str) -> str:
    """Where a limit of the payer is written; of a signer outside of the fleet only its name is known."""
    sources = found.account.sources
    return sources["remote_signer"].variable if found.outside else f"{sources['flags'].variable}.{flag}"


def _limit_got(found: Purchase, flag: str, amount: Fraction) -> str:
    """What stands there; go-livepeer's own value is marked as such."""
    stated = not found.outside and found.account.settings.flags.get(flag)
    return f"{flag if found.outside else ''} {readable(amount)}{'' if stated else ' (default)'}".strip()


def _at_payer(found: Purchase, limits: Mapping[str, int]) -> str:
    """What to write for limits of the payer."""
    if found.outside:
        return f"on the signer {' and '.join(f'{flag} {amount}' for flag, amount in limits.items())}"
    lines = ", ".join(f'{flag}: "{amount}"' for flag, amount in limits.items())
    return f"{found.account.sources['flags'].variable}: {{{lines}}}"


def _payer(found: Purchase) -> str:
    return "the signer" if found.payer.signed else "the gateway"


def _gwei(sale: Sale, place: int) -> str:
    return readable(Fraction(sale.case.gas[place], WEI_PER_GWEI))


def _eth(wei: int) -> str:
    return readable(Fraction(wei, WEI_PER_ETH))


def _price(found: Purchase, sale: Sale, place: int) -> str:
    """What a sale's orchestrator asks at a stated gas price."""
    price = sale.case.deal.advertised(sale.case.gas[place])
    return f"{_amount(found, price or Fraction(0))} {'wei ' if found.currency == 'wei' else ''}per {found.unit}"


def _amount(found: Purchase, amount: Fraction) -> str:
    return amount_text(Rate(amount, found.currency), 1)


def _lines(found: Purchase, wanted: Funds | None) -> str:
    """Reserve and deposit as lines for the inventory, as far as they are to be changed."""
    if wanted is None:
        return ""
    present = {"reserve_eth": found.payer.reserve, "deposit_eth": found.payer.deposit}
    pairs = {"reserve_eth": wanted.reserve_eth, "deposit_eth": wanted.deposit_eth}
    changed = {field: amount for field, amount in pairs.items() if amount * WEI_PER_ETH > (present[field] or 0)}
    return " and ".join(setting(found.account.sources[field].variable, readable(amount)) for field, amount in changed.items())


def _of_orchestrator(  # noqa: PLR0913 - a finding has that many fields
    code: str, found: Purchase, sale: Sale, message: str, *, flag: str, got: str, limit: str, hint: str
) -> Finding:
    """A finding about a flag of the first orchestrator of a sale; outside of the fleet only the gateway's reserve is to be changed."""
    if sale.first is None:
        return finding(code, found.account, message, field="reserve_eth", got=got, limit=limit, hint=hint)
    variable = f"{sale.first.sources['flags'].variable}.{flag}"
    gateways = (node.host for node in found.gateways)
    return finding(code, sale.first, message, variable=variable, got=got, limit=limit, hint=hint, others=gateways)


def _hosts(sale: Sale) -> tuple[str, ...]:
    """Inventory hosts of a sale, the first few; a foreign orchestrator is a URL."""
    return tuple(name for name in sale.orchestrators if "/" not in name)[:3]


def _and_more(sales: Iterable[Sale]) -> str:
    """How many orchestrators it is about, where that is not one."""
    count = sum(len(sale.orchestrators) for sale in sales)
    return f" (and {count - 1} more)" if count > 1 else ""


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


RULES = (
    Rule(
        "LPF205",
        "error",
        "A price above 2^63 - 1 wei per unit of an orchestrator that does not adjust it: it answers every gateway with an error.",
        "A lower price, or the same one for more units.",
        too_large,
    ),
    Rule(
        "LPF501",
        "error",
        "A flag about tickets with which a node does not start, or nothing is ever paid.",
        "Write a number of the kind that the finding names.",
        stopping_flags,
    ),
    Rule(
        "LPF209",
        "warning; info where gas, pool size, reserve or deposit were not stated",
        "A cap that fits the base price and not what the stated gas price makes of it at the stated reserve.",
        "A larger reserve with a deposit to match, or a higher cap; without the inputs, say them.",
        headroom_under_gas,
    ),
    Rule(
        "LPF210",
        "error; warning at the highest stated gas price only, and with on-chain discovery",
        "A reserve or a deposit that is too small for the tickets, so that no job is done whatever the cap.",
        "Reserve and deposit, both: a larger reserve makes dearer tickets, and the deposit has to cover one.",
        funds,
    ),
    Rule(
        "LPF211",
        "error; warning with on-chain discovery or a clearinghouse",
        "Limits on tickets that refuse the price: the first payment of a remote signer, maxTicketEV, maxTotalEV.",
        "Write the value that the finding names.",
        ticket_limits,
    ),
)
