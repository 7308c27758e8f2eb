// An operator's authorization server for the tests: oidc-provider with private_key_jwt and CIBA in poll mode.
//
// Line by line: the first line of standard input is its settings, every later one says how people behave from now on;
// each is answered by one line of JSON on standard output. It listens on loopback only, and ends with standard input
// or after `lifetime_s`.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider, { errors } from 'oidc-provider';

const INTERVAL_S = 1; // what a poll has to wait for
const PURPOSE = 'dpv:FraudPreventionAndDetection';
const VERIFY = 'number-verification:verify';
const HINT = 'operatortoken:';

// Its warnings go where nobody reads orders.
console.info = console.error;
console.warn = console.error;

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const subscribers = new Map(); // account id -> number: what a token says of somebody is not the number
const waiting = new Map(); // auth_req_id -> [request, account, client]
const seen = { polls: 0 };
let manners = 'at once';

// The entitlement server alone knows whose SIM a temporary token was given to, and spends it.
async function redeemed(settings, token) {
  const answer = await fetch(settings.entitlement_url, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify({
      app: 'ap2014', entitlement_version: '13.0', operation: 'GetPhoneNumber', temporary_token: token,
    }),
    signal: AbortSignal.timeout(10_000),
  });
  return answer.status === 200 ? (await answer.json()).ap2014?.MSISDN : undefined;
}

async function agree(provider, request, account, client) {
  const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  grant.addOIDCScope(`${PURPOSE} openid ${VERIFY}`);
  await grant.save();
  await provider.backchannelResult(request, grant);
}

function configuration(settings, ownKey) {
  return {
    clients: [
      {
        client_id: settings.client_id,
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [settings.client_key] },
        grant_types: ['client_credentials', 'urn:openid:params:grant-type:ciba'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: 'ES256',
        backchannel_token_delivery_mode: 'poll',
      },
      {
        // Who answers the questions asks here what a token is good for.
        client_id: 'api',
        client_secret: settings.api_secret,
        token_endpoint_auth_method: 'client_secret_basic',
        id_token_signed_response_alg: 'ES256',
        grant_types: [],
        redirect_uris: [],
        response_types: [],
      },
    ],
    clientAuthMethods: ['private_key_jwt', 'client_secret_basic'],
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    extraTokenClaims: (ctx, token) => (token.accountId ? { phone_number: subscribers.get(token.accountId) } : undefined),
    features: {
      ciba: {
        enabled: true,
        deliveryModes: ['poll'],
        async processLoginHint(ctx, hint) {
          const number = hint.startsWith(HINT) ? await redeemed(settings, hint.slice(HINT.length)) : undefined;
          if (!number) return undefined;
          const id = randomBytes(12).toString('base64url');
          subscribers.set(id, number);
          return id;
        },
        processLoginHintToken: () => undefined,
        verifyUserCode: () => undefined,
        validateBindingMessage: () => undefined,
        validateRequestContext: () => undefined,
        async triggerAuthenticationDevice(ctx, request, account, client) {
          const { provider } = ctx.oidc;
          if (manners === 'at once') await agree(provider, request, account, client);
          else if (manners === 'denies') await provider.backchannelResult(request, new errors.AccessDenied());
          else waiting.set(request.jti, [request, account, client]);
        },
      },
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
    },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    jwks: { keys: [{ ...ownKey.export({ format: 'jwk' }), alg: 'ES256', kid: 'own', use: 'sig' }] },
    scopes: [PURPOSE, 'openid', 'sim-swap', 'device-swap', 'number-recycling:check', VERIFY],
    ttl: { AccessToken: 300, BackchannelAuthenticationRequest: 120, ClientCredentials: 300, Grant: 300, IdToken: 300 },
  };
}

// The library leaves the pace of polls to the operator.
async function pace(ctx, next) {
  await next();
  if (ctx.path === '/backchannel' && ctx.status === 200) ctx.body.interval = INTERVAL_S;
  const { auth_req_id: id } = ctx.oidc?.params ?? {};
  if (ctx.path !== '/token' || !id) return;
  seen.polls += 1;
  if (ctx.body?.error !== 'authorization_pending') return;
  if (manners === 'hurried') ctx.body = { error: 'slow_down' };
  else if (manners === 'after a poll') await agree(ctx.oidc.provider, ...waiting.get(id));
}

function start(settings) {
  setTimeout(() => process.exit(3), settings.lifetime_s * 1000).unref();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const listener = createServer();
  listener.listen(0, '127.0.0.1', () => {
    const issuer = `http://127.0.0.1:${listener.address().port}`;
    const provider = new Provider(issuer, configuration(settings, privateKey));
    provider.use(pace);
    provider.on('server_error', (ctx, error) => console.error(error));
    listener.on('request', provider.callback());
    say({ issuer });
  });
}

let started = false;
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line);
    if (started) {
      const { polls } = seen;
      if (order.manners) Object.assign(seen, { polls: 0 });
      manners = order.manners ?? manners;
      say({ polls });
    } else {
      started = true;
      start(order);
    }
  })
  .on('close', () => process.exit(0));
