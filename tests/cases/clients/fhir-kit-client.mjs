// fhir-kit-client against the server at SAUMA_BASE: create, read, search, page, transaction, patch, delete.
import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';

// The package lies where SAUMA_CLIENTS says, not beside this file.
const folder = `${process.env.SAUMA_CLIENTS}/node_modules/fhir-kit-client`;
const { Client } = await import(pathToFileURL(`${folder}/dist/index.js`));
const client = new Client({ baseUrl: process.env.SAUMA_BASE });

const statement = await client.capabilityStatement();
assert.equal(statement.fhirVersion, '4.0.1');

const patient = await client.create({
  resourceType: 'Patient',
  body: { resourceType: 'Patient', name: [{ family: 'Kit', given: ['Aino'] }], birthDate: '1970-01-01' },
});
assert.ok(patient.id);
assert.equal(patient.meta.versionId, '1');
const subject = { reference: `Patient/${patient.id}` };

const read = await client.read({ resourceType: 'Patient', id: patient.id });
assert.deepEqual(read, patient);

const goal = (text) => ({
  resourceType: 'Goal', lifecycleStatus: 'active', description: { text }, subject,
});
const transaction = await client.transaction({
  body: {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      {
        fullUrl: 'urn:uuid:0f8b3a52-43dc-4a54-9f8e-5f7d0f0a4c11',
        resource: goal('Walks to the shop'),
        request: { method: 'POST', url: 'Goal' },
      },
      {
        resource: {
          resourceType: 'CarePlan', status: 'active', intent: 'plan', subject,
          goal: [{ reference: 'urn:uuid:0f8b3a52-43dc-4a54-9f8e-5f7d0f0a4c11' }],
        },
        request: { method: 'POST', url: 'CarePlan' },
      },
    ],
  },
});
assert.equal(transaction.type, 'transaction-response');
assert.deepEqual(transaction.entry.map((entry) => entry.response.status.slice(0, 3)), ['201', '201']);

for (const text of ['Sleeps through', 'Sees friends', 'Pays the rent']) {
  await client.create({ resourceType: 'Goal', body: goal(text) });
}

// Pages: every goal once.
const texts = [];
let page = await client.search({
  resourceType: 'Goal', searchParams: { subject: `Patient/${patient.id}`, _count: 2 },
});
for (let pages = 0; page && pages < 10; pages += 1) {
  texts.push(...(page.entry ?? []).map((entry) => entry.resource.description.text));
  const next = (page.link ?? []).some((link) => link.relation === 'next');
  page = next ? await client.nextPage({ bundle: page }) : undefined;
}
assert.deepEqual(texts.sort(), ['Pays the rent', 'Sees friends', 'Sleeps through', 'Walks to the shop']);

// The plan leads to the goal that the transaction made.
const plans = await client.search({
  resourceType: 'CarePlan', searchParams: { patient: patient.id, _include: 'CarePlan:goal' },
});
const goals = plans.entry.filter((entry) => entry.search.mode === 'include');
assert.deepEqual(goals.map((entry) => entry.resource.description.text), ['Walks to the shop']);

const plan = plans.entry.find((entry) => entry.search.mode === 'match').resource;
const patched = await client.patch({
  resourceType: 'CarePlan',
  id: plan.id,
  jsonPatch: [{ op: 'replace', path: '/status', value: 'completed' }],
});
assert.equal(patched.status, 'completed');
assert.equal(patched.meta.versionId, '2');

const history = await client.history({ resourceType: 'CarePlan', id: plan.id });
assert.equal(history.total, 2);
const first = await client.vread({ resourceType: 'CarePlan', id: plan.id, version: '1' });
assert.equal(first.status, 'active');

const updated = await client.update({
  resourceType: 'Patient', id: patient.id, body: { ...patient, active: true },
});
assert.equal(updated.meta.versionId, '2');

// Refusals reach the client as an OperationOutcome.
const refused = await client.create({
  resourceType: 'CarePlan', body: { resourceType: 'CarePlan', status: 'odd', intent: 'plan', subject },
}).then(() => undefined, (error) => error.response);
assert.equal(refused.status, 400);
assert.equal(refused.data.resourceType, 'OperationOutcome');

await client.delete({ resourceType: 'CarePlan', id: plan.id });
const gone = await client.read({ resourceType: 'CarePlan', id: plan.id })
  .then(() => undefined, (error) => error.response.status);
assert.equal(gone, 410);
