/** The reference of the API as a page: made from its own description, without script, and with nothing from elsewhere. */
import type { OpenAPI } from '@orpc/contract';
import type { Description } from '../api/openapi.ts';
import { codesWithStatus, statusOf } from '../api/problem.ts';
import { escapeHtml as safe } from './page.ts';

type Schema = OpenAPI.SchemaObject | OpenAPI.ReferenceObject;

export const referencePage = (description: Description): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>API – Backline</title>
<link rel="stylesheet" href="../style.css">
</head>
<body>
<header><h1>API</h1><p>Version ${safe(description.info.version)}. For programs: <a href="openapi.json">openapi.json</a>, OpenAPI 3.1.</p></header>
<main>
<p>${code(description.info.description ?? '')}</p>
<nav aria-label="Groups"><p>${groupsOf(description)
  .map((name) => `<a href="#${name}">${name}</a>`)
  .join(' · ')} · <a href="#shapes">shapes</a> · <a href="#errors">errors</a></p></nav>
${groupsOf(description)
  .map((name) => groupOf(description, name))
  .join('\n')}
${shapesOf(description)}
${errors()}
</main>
</body>
</html>
`;

/** Words between backquotes are code. */
const code = (text: string): string => safe(text).replace(/`([^`]+)`/g, '<code>$1</code>');

const groupsOf = ({ tags = [] }: Description): string[] => tags.map(({ name }) => name);

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly about: OpenAPI.OperationObject;
}

const operationsOf = ({ paths = {} }: Description): Operation[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    (['get', 'post', 'put', 'delete'] as const).flatMap((method) => {
      const about = item?.[method];
      return about ? [{ method: method.toUpperCase(), path, about }] : [];
    }),
  );

const groupOf = (description: Description, name: string): string => {
  const says = description.tags?.find((tag) => tag.name === name)?.description ?? '';
  const operations = operationsOf(description).filter(({ about }) => about.tags?.includes(name));
  return `<section><h2 id="${name}">${name}</h2><p>${code(says)}</p>${operations.map(operationOf).join('\n')}</section>`;
};

const operationOf = ({ method, path, about }: Operation): string => {
  const id = safe(about.operationId ?? '');
  const media = (about.requestBody as OpenAPI.RequestBodyObject | undefined)?.content['application/json'];
  const rows = [
    ...(about.parameters ?? []).flatMap((parameter) => ('$ref' in parameter ? [] : [parameterRow(parameter)])),
    ...fieldsOf(media?.schema, 'body'),
  ];
  const example =
    media?.example === undefined ? '' : `<pre><code>${safe(JSON.stringify(media.example, null, 2))}</code></pre>`;
  return `<section class="scroll" aria-labelledby="${id}"><h3 id="${id}"><code>${method} /api${safe(path)}</code></h3>
<p>${code(about.summary ?? '')} ${code(about.description ?? '')}</p>${tableOf(`What ${id} takes`, rows)}${example}<p>Answers ${answerOf(about)}.</p></section>`;
};

const answerOf = ({ responses = {} }: OpenAPI.OperationObject): string => {
  const [status = '200', response] = Object.entries(responses)[0] ?? [];
  const schema = (response as OpenAPI.ResponseObject | undefined)?.content?.['application/json']?.schema;
  return `${safe(status)} with ${schema ? typeOf(schema) : 'nothing'}`;
};

interface Row {
  readonly name: string;
  readonly place: string;
  readonly type: string;
  readonly says: string;
}

const parameterRow = ({ name, in: place, required, schema, description }: OpenAPI.ParameterObject): Row => ({
  name: required ? name : `${name}?`,
  place,
  type: schema ? typeOf(schema) : '',
  says: description ?? (schema && 'description' in schema ? (schema.description ?? '') : ''),
});

const fieldsOf = (schema: Schema | undefined, place: string): Row[] => {
  if (!schema || '$ref' in schema) return [];
  return Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name: schema.required?.includes(name) ? name : `${name}?`,
    place,
    type: typeOf(field),
    says: 'description' in field ? (field.description ?? '') : '',
  }));
};

const tableOf = (caption: string, rows: readonly Row[]): string => {
  if (rows.length === 0) return '';
  const lines = rows.map(
    ({ name, place, type, says }) =>
      `<tr><td><code>${safe(name)}</code></td><td>${safe(place)}</td><td>${type}</td><td>${code(says)}</td></tr>`,
  );
  const head = ['name', 'where', 'what', ''].map((title) => `<th scope="col">${title}</th>`).join('');
  return `<table><caption>${safe(caption)}</caption><thead><tr>${head}</tr></thead><tbody>${lines.join('')}</tbody></table>`;
};

/** A schema in a few words, as HTML. */
const typeOf = (schema: Schema, depth = 0): string => {
  if ('$ref' in schema) {
    const name = schema.$ref.split('/').at(-1)!;
    return `<a href="#shape-${safe(name)}">${safe(name)}</a>`;
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((choice) => typeOf(choice, depth)).join(' or ');
  if (schema.enum) return schema.enum.map((value) => `<code>${safe(JSON.stringify(value))}</code>`).join(' ');
  if (schema.const !== undefined) return `<code>${safe(JSON.stringify(schema.const))}</code>`;
  if (schema.type === 'array') return `list of ${typeOf((schema as OpenAPI.ArraySchemaObject).items, depth)}`;
  if (schema.type === 'object' && schema.properties && depth < 1)
    return `{ ${Object.entries(schema.properties)
      .map(([name, field]) => `<code>${safe(name)}</code>: ${typeOf(field, depth + 1)}`)
      .join(', ')} }`;
  return safe([schema.type ?? 'anything', boundsOf(schema), schema.format].filter(Boolean).join(', '));
};

const boundsOf = ({ minimum, maximum, maxLength }: OpenAPI.SchemaObject): string => {
  if (maxLength !== undefined) return `at most ${maxLength} characters`;
  if (minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER)
    return `${minimum} to ${maximum}`;
  return minimum === undefined ? '' : `from ${minimum}`;
};

const shapesOf = ({ components }: Description): string => {
  const shapes = Object.entries(components?.schemas ?? {}).map(
    ([name, schema]) =>
      `<section class="scroll"><h3 id="shape-${safe(name)}">${safe(name)}</h3>${tableOf(name, fieldsOf(schema, 'answer'))}</section>`,
  );
  return `<section><h2 id="shapes">shapes</h2>${shapes.join('\n')}</section>`;
};

const errors = (): string => {
  const rows = codesWithStatus()
    .sort()
    .map((one) => `<tr id="${one}"><td><code>${one}</code></td><td>${statusOf(one)}</td></tr>`);
  return `<section class="scroll"><h2 id="errors">errors</h2><p>Every error is a problem document with one of these codes. What each means, and what to do, stands in its <code>detail</code> and <code>next</code>.</p>
<table><caption>Codes and their status</caption><thead><tr><th scope="col">code</th><th scope="col">status</th></tr></thead><tbody>${rows.join('')}</tbody></table></section>`;
};
