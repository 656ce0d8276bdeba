"""infra/plans.yaml: the rate card's plans as usage plans. CloudFormation owns the plans, the API only keys."""

from __future__ import annotations

from ratecard.billing.plans import Plan, PriceBook

Document = dict[str, object]


def latest_plans(book: PriceBook) -> list[Plan]:
    """Return the newest version of each plan, in the order in which the rate card first names them.

    A version that is announced for a later day is deployed with the file that holds it: deploy on that day.
    """
    newest: dict[str, Plan] = {}
    for plan in book.plans:
        if plan.slug not in newest or plan.effective_on > newest[plan.slug].effective_on:
            newest[plan.slug] = plan
    return list(newest.values())


def plans_document(book: PriceBook) -> Document:
    """Return the nested stack."""
    plans = latest_plans(book)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Ratecard - plans.",
        "Parameters": {
            "Api": {"Type": "String", "Description": "Id of the REST API."},
            "Stage": {"Type": "String", "Description": "Name of its stage."},
        },
        "Resources": {logical_id(plan): usage_plan(plan) for plan in plans},
        "Outputs": {
            f"{logical_id(plan)}Id": {
                "Description": f"Put keys of {plan.title} here.",
                "Value": {"Ref": logical_id(plan)},
            }
            for plan in plans
        },
    }


def logical_id(plan: Plan) -> str:
    """Name a plan's resource, for example ``StandardPlan``."""
    return "".join(word.capitalize() for word in plan.slug.split("-")) + "Plan"


def usage_plan(plan: Plan) -> Document:
    """Return one usage plan."""
    properties: Document = {
        "UsagePlanName": {"Fn::Sub": f"ratecard-${{Stage}}-{plan.slug}"},
        "Description": f"{plan.version}: {plan.about}",
        "ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}],
        "Throttle": {"RateLimit": plan.rate_per_second, "BurstLimit": plan.burst},
    }
    if plan.quota is not None:
        properties["Quota"] = {"Limit": plan.quota.limit, "Period": plan.quota.period.value}
    return {"Type": "AWS::ApiGateway::UsagePlan", "Properties": properties}
