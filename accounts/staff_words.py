"""What fields, tables and verbs are called on pages of staff: their names in the code with spaces, in the language of
whoever reads.

What is not listed here is shown as it is.
"""

from typing import TYPE_CHECKING, Any

from django.db.models import Model
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from core.language import english

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

# Of tables, of filters and of what the audit trail keeps.
FIELDS = (
    _("ZIP of documents"), _("ZIPs of documents"), _("accepted at"), _("action"), _("actor"), _("after"),
    _("aggregation"), _("amount credited"), _("amount due"), _("amount paid"), _("amount"), _("anchor on"),
    _("announced at"), _("announced"), _("answer"), _("answered at"), _("answered by"), _("answered"), _("api token"),
    _("api tokens"), _("applied"), _("archive"), _("as of"), _("asked at"), _("asked by"), _("at"), _("attach pdf"),
    _("attach xml"), _("attempts"),
    _("audit entries"), _("audit entry"), _("automatic"), _("available amount"), _("because"), _("before"),
    _("billing admin"), _("billing on"), _("brand"), _("budget"), _("build at"), _("buyer reference"), _("cadence"),
    _("calculate at"),
    _("calculated at"), _("card expiring"), _("card missing"), _("card setup"), _("card setups"), _("card"),
    _("ceiling"), _("change quote"), _("change quotes"), _("change"), _("charges"), _("check at"), _("checks"),
    _("city"), _("clock at"), _("clock"), _("closed at"), _("closed"), _("closing"), _("collect at"),
    _("collection"), _("colour"), _("company"), _("completed at"), _("completed"), _("confirm"), _("consequence"),
    _("content"), _("context"), _("contract ends on"), _("contract starts on"), _("copied from"), _("correction"),
    _("corrections"), _("corrects"), _("country"), _("created at"), _("created by"), _("creation"),
    _("credit application"), _("credit applications"), _("credit note"), _("credit rows"), _("credit statement"),
    _("credit statements"), _("credit"), _("credited"), _("credits"), _("currency"), _("customer party"),
    _("customer"), _("customers"), _("data"), _("day"), _("decline code"), _("default"), _("deleted at"),
    _("deleted"), _("digest"), _("dimensions"), _("discards"), _("discount percent"), _("dispute"), _("disputes"),
    _("document"), _("documents"), _("done"), _("due on"), _("duplicate"), _("e-mail"), _("effect"),
    _("effective at"), _("email"), _("ended"), _("ends at"), _("event id"), _("event type"), _("event"),
    _("events"), _("exp month"), _("exp year"), _("expected monthly volume"), _("expires at"), _("facts"),
    _("failed"), _("failure code"), _("feature"), _("features"), _("filename"), _("filters"), _("finalized at"),
    _("fingerprint"), _("first sequence"), _("follow up at"), _("fraudulent"), _("free units"), _("funding"),
    _("gateway customer"), _("gateway event"), _("gateway events"), _("gateway id"), _("gateway"), _("given back"),
    _("given up at"), _("goes first to"), _("goes to"), _("grant"), _("handled at"), _("held since"), _("hour"),
    _("hours"), _("how"), _("iban"), _("included percents"), _("inquiry"), _("intent id"), _("invoice key"),
    _("invoice sequence"), _("invoice sequences"), _("invoice"), _("invoices"), _("is default"), _("is on"),
    _("issued on"), _("issued"), _("kept"), _("key"), _("kind"), _("last error"), _("last sequence"), _("last"),
    _("last4"), _("late payment"), _("late"), _("latest at"), _("ledger balance"), _("ledger head"),
    _("ledger sequence"),
    _("legal name"), _("legal note"), _("line"), _("line key"), _("line1"), _("line2"), _("lines"), _("list"),
    _("logo"), _("make default"),
    _("maximum amount"), _("membership"), _("message"), _("meter"), _("meters"), _("method"), _("migration"),
    _("minimum amount"), _("missing"), _("model"), _("name"), _("needs response"), _("next billing on"),
    _("next on"), _("next step"), _("next url"), _("notice"), _("notices"), _("number prefix"), _("number"),
    _("object id"), _("opened at"), _("opened"), _("opening"), _("opens id"), _("origin"),
    _("overdue consequence"), _("owner"), _("paid at"), _("paid on"), _("parked at"), _("parked reason"),
    _("parked"), _("parts written"), _("payload"), _("payment method"), _("payment methods"), _("payment policy"),
    _("payment terms"), _("payment"), _("payments"), _("per units"), _("period end"), _("period start"), _("plan"),
    _("planned ends at"), _("plans"), _("position"), _("postal code"), _("prefix"), _("previous"), _("priority"),
    _("projected"), _("public id"), _("published at"), _("published"), _("purpose"), _("quantity"),
    _("question"), _("questions"), _("quote"),
    _("rate card"), _("rate cards"), _("rated at"), _("rated usage"), _("rated usages"), _("ready at"),
    _("reason"), _("receipt number"), _("receipt"), _("received at"), _("received on"), _("reference"),
    _("refund"), _("refunded"), _("refunds"), _("registration"), _("released at"), _("reminder"), _("request"),
    _("retry at"), _("revoked at"), _("revoked"), _("role"), _("run"), _("sales inquiries"), _("sales inquiry"),
    _("scheduled change"), _("scheduled changes"), _("selection"), _("self serve"), _("seller party"), _("seller"),
    _("sellers"), _("sent at"), _("sent"), _("series"), _("settled at"), _("settlement mode"), _("sha256"),
    _("size"), _("source"), _("spend percents"), _("starts at"), _("statement"), _("status at"), _("status"),
    _("stops"), _("subject"), _("subscription"), _("subscriptions"), _("subtotal"), _("switched off"),
    _("tagline"), _("taken back"), _("tax id"), _("tax included"), _("tax label"), _("tax percent"),
    _("tax rules"), _("tax"), _("taxes"), _("tell at"), _("template"), _("threshold"), _("time"), _("timing"),
    _("title"), _("to credits"), _("to"), _("token"), _("told"), _("top up"), _("total"), _("touched at"),
    _("transactions"), _("tries"), _("type"), _("under review"), _("unit amount"), _("unit cost"),
    _("unit plural"), _("unit"), _("until"), _("up to date"), _("usage event"), _("usage events"), _("usage hour"),
    _("usage hours"), _("usage subject"), _("usage"), _("user"), _("users"), _("value path"), _("version"),
    _("versions"), _("voided amount"), _("voided at"), _("wanted"), _("warned"), _("warning"),
    _("when credits run out"), _("when"), _("window ends at"), _("window starts at"), _("withdrawn"),
    _("work e-mail"), _("worked key"), _("wrong"), _("year"),
)  # fmt: skip

# Of the audit trail, where they need no words of their own (accounts/audit_words.py).
VERBS = (
    _("accept quote"), _("add charge"), _("add payment method"), _("add pending lines"), _("adjust balance"),
    _("answer correction"), _("archive plan"), _("ask about charge"), _("ask for correction"), _("ask payment"),
    _("ask refund"),
    _("bill late usage"), _("bill start"), _("calculate charges"), _("cancel subscription"),
    _("carry out changes"), _("carry out consequences"), _("change plan"), _("change role"), _("choose digest"),
    _("choose mail"), _("collect payment"), _("contact sales"), _("copy plan"), _("correct draw down"),
    _("create api token"), _("define feature"), _("define meter"), _("delete payment method"), _("discard drafts"),
    _("download archive"), _("draft contract"), _("draft invoices"), _("draw down credits"), _("export list"),
    _("export year"), _("finalize invoices"), _("grant credits"), _("invite member"), _("issue credit note"),
    _("issue early"), _("issue statements"), _("mark question answered"),
    _("migrate subscriptions"), _("note dispute"), _("open contract"),
    _("open default subscription"), _("pay grant"), _("pay out credit note"), _("publish plan"),
    _("record outside payment"), _("record payment"), _("record refund"), _("refresh drafts"), _("refund payment"),
    _("release holds"), _("remind overdue"), _("remove member"), _("remove rate card"), _("rename customer"),
    _("rename feature"), _("rename meter"), _("replay event"), _("request archive"), _("resend invitation"),
    _("revoke api token"), _("run customer again"), _("save plan"), _("save rate card"), _("save seller"),
    _("schedule change"), _("sell credits"), _("send again"), _("send back again"), _("set budget"),
    _("set sales contact"), _("set top up"), _("settle credit notes"), _("stop top up"), _("take back charge"),
    _("take back credits"), _("tell budget"), _("update billing profile"), _("void grant"), _("void invoice"),
    _("want check"), _("withdraw change"), _("withdraw open charges"), _("work inquiry"), _("write off invoice"),
)  # fmt: skip


def _words(name: str) -> str:
    return gettext(name.replace("_", " "))


_lazily = lazy(_words, str)


def words_of(name: "_StrOrPromise") -> "_StrOrPromise":
    """`billing_on` → billing on; what is translated already stays."""
    return name if isinstance(name, Promise) else _lazily(name)


def name_for_staff(model: type[Model]) -> None:
    """Its columns and its own name, as lists and forms of staff show them. Migrations do not see it: they keep what a
    model was declared with."""
    opts: Any = model._meta
    for field in (*opts.fields, *opts.many_to_many):
        field.verbose_name = words_of(field.verbose_name)
    # Django makes a plural of its own when it is read, which would be of the German word: make it now, in English.
    one, many = english(opts.verbose_name), english(opts.verbose_name_plural)
    opts.verbose_name, opts.verbose_name_plural = words_of(one), words_of(many)
