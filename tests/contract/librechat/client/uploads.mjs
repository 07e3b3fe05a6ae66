// Files in LibreChat's shape: form-data streams posted and fetched by axios.
//
// Up to generation 3 an upload carries the key and `entity_id`; later ones carry `kind` and `id`
// before the file, and whatever authorization there is.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

import { require } from './modules.mjs';

const axios = require('axios');
const FormData = require('form-data');

const MOST_BYTES = 150 * 1024 * 1024;
const base = () => process.env.LIBRECHAT_CODE_BASEURL.replace(/\/$/, '');

// Names are given as `filepath`: of a `filename` form-data keeps the last part only.

// A file of the disk has a length that form-data finds; any other stream has none and goes chunked.
function source(file) {
  if (file.path !== undefined) return createReadStream(file.path);
  const bytes = Buffer.from(file.base64, 'base64');
  return Readable.from([bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)]);
}

function options(form, command) {
  return {
    headers: {
      ...form.getHeaders(),
      'Content-Type': 'multipart/form-data',
      'User-Agent': 'LibreChat/1.0',
      'User-Id': command.user ?? 'user-1',
      ...command.headers,
    },
    maxContentLength: MOST_BYTES,
    maxBodyLength: MOST_BYTES,
    timeout: 120000,
  };
}

async function upload(command) {
  const form = new FormData();
  for (const [name, value] of command.fields ?? []) form.append(name, value);
  form.append('file', source(command.file), { filepath: command.file.name });
  return (await axios.post(`${base()}/upload`, form, options(form, command))).data;
}

async function uploadBatch(command) {
  const form = new FormData();
  for (const [name, value] of command.fields ?? []) form.append(name, value);
  for (const file of command.files) form.append('file', source(file), { filepath: file.name });
  return (await axios.post(`${base()}/upload/batch`, form, options(form, command))).data;
}

async function download(command) {
  const answer = await axios({
    method: 'get',
    url: `${base()}/download/${command.session}/${command.file}`,
    params: command.params,
    responseType: 'arraybuffer',
    headers: { 'User-Agent': 'LibreChat/1.0', ...command.headers },
    timeout: 15000,
  });
  const sha256 = createHash('sha256').update(answer.data).digest('hex');
  return { base64: Buffer.from(answer.data).toString('base64'), sha256, headers: { ...answer.headers } };
}

// The freshness probe before a turn; null when the client would upload again.
async function probe(command) {
  try {
    const { data } = await axios.get(`${base()}/sessions/${command.session}/objects/${command.file}`, {
      params: command.params,
      headers: { 'User-Agent': 'LibreChat/1.0', ...command.headers },
      timeout: 5000,
    });
    return data.lastModified;
  } catch {
    return null;
  }
}

// Deletion in the user interface: the object's route first, the older one on 404 and 405.
async function remove(command) {
  const paths = [
    `/sessions/${command.session}/objects/${command.file}`,
    `/files/${command.session}/${command.file}`,
  ];
  let status;
  for (const path of paths) {
    const answer = await axios.delete(base() + path, {
      params: command.params,
      headers: { 'User-Agent': 'LibreChat/1.0', ...command.headers },
      timeout: 15000,
      validateStatus: () => true,
    });
    status = answer.status;
    if (status !== 404 && status !== 405) break;
  }
  return status;
}

export const uploads = { upload, upload_batch: uploadBatch, download, probe, remove };
