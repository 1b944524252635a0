"""The ingestion API."""

from django.urls import path

from usage import views

urlpatterns = [
    path("api/v1/events", views.api_events, name="api_events"),
]
