"""fhirpy against the server at SAUMA_BASE: create, read, search, page, transaction, patch, delete."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ["SAUMA_CLIENTS"], "py"))

from fhirpy import SyncFHIRClient  # noqa: E402
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound  # noqa: E402

client = SyncFHIRClient(os.environ["SAUMA_BASE"])

patient = client.resource(
    "Patient", name=[{"family": "Py", "given": ["Eero"]}], birthDate="1970-01-01"
)
patient.save()
assert patient.id and patient.meta["versionId"] == "1"
subject = {"reference": f"Patient/{patient.id}"}

assert client.reference("Patient", patient.id).to_resource() == patient

client.execute(
    "",
    method="post",
    data={
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:0f8b3a52-43dc-4a54-9f8e-5f7d0f0a4c12",
                "resource": {
                    "resourceType": "Goal",
                    "lifecycleStatus": "active",
                    "description": {"text": "Walks to the shop"},
                    "subject": subject,
                },
                "request": {"method": "POST", "url": "Goal"},
            },
            {
                "resource": {
                    "resourceType": "CarePlan",
                    "status": "active",
                    "intent": "plan",
                    "subject": subject,
                    "goal": [{"reference": "urn:uuid:0f8b3a52-43dc-4a54-9f8e-5f7d0f0a4c12"}],
                },
                "request": {"method": "POST", "url": "CarePlan"},
            },
        ],
    },
)

for text in ("Sleeps through", "Sees friends", "Pays the rent"):
    client.resource(
        "Goal", lifecycleStatus="active", description={"text": text}, subject=subject
    ).save()

# Pages: every goal once.
found = client.resources("Goal").search(subject=f"Patient/{patient.id}").limit(2).fetch_all()
texts = sorted(goal["description"]["text"] for goal in found)
assert texts == ["Pays the rent", "Sees friends", "Sleeps through", "Walks to the shop"], texts
counted = client.resources("Goal").search(subject=f"Patient/{patient.id}", _total="accurate")
assert counted.fetch_raw()["total"] == 4

plan = client.resources("CarePlan").search(patient=patient.id, status="active").get()
assert plan["goal"][0].to_resource()["description"]["text"] == "Walks to the shop"

plan.patch(status="completed")
again = client.reference("CarePlan", plan.id).to_resource()
assert again["status"] == "completed" and again["meta"]["versionId"] == "2", again

patient["active"] = True
patient.save()
assert patient.meta["versionId"] == "2"

# What is not known is refused, not ignored.
try:
    client.resources("CarePlan").search(nothing="1").fetch()
    raise AssertionError("an unknown parameter was taken")
except OperationOutcome:
    pass

plan.delete()
try:
    client.reference("CarePlan", plan.id).to_resource()
    raise AssertionError("a deleted plan was read")
except (ResourceNotFound, OperationOutcome):
    pass
