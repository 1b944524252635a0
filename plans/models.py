"""The price list, who subscribed to what, and what that costs. Only this room writes these tables."""

from plans.models_budgets import Budget as Budget
from plans.models_catalogue import FeeCadence as FeeCadence
from plans.models_catalogue import FeeTiming as FeeTiming
from plans.models_catalogue import Plan as Plan
from plans.models_catalogue import PlanStatus as PlanStatus
from plans.models_catalogue import RateCard as RateCard
from plans.models_catalogue import SettlementMode as SettlementMode
from plans.models_changes import ChangeQuote as ChangeQuote
from plans.models_changes import LeavingReason as LeavingReason
from plans.models_changes import MoveTime as MoveTime
from plans.models_changes import QuoteKind as QuoteKind
from plans.models_changes import ScheduledChange as ScheduledChange
from plans.models_changes import ScheduleStatus as ScheduleStatus
from plans.models_changes import SubscriptionMigration as SubscriptionMigration
from plans.models_credits import CreditExhaustion as CreditExhaustion
from plans.models_credits import UsageWatch as UsageWatch
from plans.models_inquiries import InquiryStatus as InquiryStatus
from plans.models_inquiries import SalesInquiry as SalesInquiry
from plans.models_overdue import CarriedOutConsequence as CarriedOutConsequence
from plans.models_overdue import OverdueConsequence as OverdueConsequence
from plans.models_prices import PriceModel as PriceModel
from plans.models_prices import PriceTier as PriceTier
from plans.models_subscriptions import Calendar as Calendar
from plans.models_subscriptions import RatedUsage as RatedUsage
from plans.models_subscriptions import Subscription as Subscription
from plans.models_subscriptions import SubscriptionQuerySet as SubscriptionQuerySet
