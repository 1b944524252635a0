from django.urls import path

from plans import views, views_costs, views_estimating, views_leaving, views_sales

PLAN = "settings/billing/plan/"

urlpatterns = [
    path(PLAN, views.plan_change, name="plan_change"),
    path(PLAN + "cancel/", views.plan_cancel, name="plan_cancel"),
    path(PLAN + "cancel/reason/<slug:public_id>/", views_leaving.plan_cancel_reason, name="plan_cancel_reason"),
    path(PLAN + "enterprise/", views_sales.contact_sales_page, name="contact_sales"),
    path(PLAN + "enterprise/sent/<slug:reference>/", views_sales.contact_sales_sent, name="contact_sales_sent"),
    path("settings/billing/_/estimate/", views_estimating.plan_estimates, name="plan_estimates"),
    path("settings/billing/_/estimate/<slug:slug>/", views_estimating.plan_estimate, name="plan_estimate"),
    path("settings/billing/invoices/<slug:public_id>/started/", views.plan_started, name="plan_started"),
    path(PLAN + "<slug:slug>/", views.plan_upgrade, name="plan_upgrade"),
    path(PLAN + "<slug:slug>/costs/", views_costs.plan_costs, name="plan_costs"),
    path(PLAN + "<slug:slug>/return/", views.plan_upgrade_return, name="plan_upgrade_return"),
]
