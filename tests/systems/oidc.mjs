// A real OpenID provider (npm's oidc-provider) with a resource, and with what tests have to see and do.
import { createHash } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, ttl] = [Number(process.argv[2]), Number(process.argv[3])];
const issuer = `http://127.0.0.1:${port}`;
const alive = new Map();
const count = { grants: 0, calls: 0 };

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'robot', client_secret: 'robot-secret-1b7', redirect_uris: ['https://robot.example/back'], response_types: ['code'],
      grant_types: ['client_credentials', 'authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    },
  ],
  features: {
    clientCredentials: { enabled: true }, introspection: { enabled: true }, revocation: { enabled: true },
    deviceFlow: { enabled: true }, devInteractions: { enabled: false },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  ttl: { ClientCredentials: ttl, AccessToken: ttl, RefreshToken: 600, AuthorizationCode: 60, DeviceCode: 60, Grant: 600 },
  rotateRefreshToken: true,
  issueRefreshToken: async (_, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
});
provider.proxy = true;
provider.on('server_error', (_, error) => console.error(error));
for (const [kind, name] of [['ClientCredentials', 'client_credentials'], ['AccessToken', 'access_token'], ['RefreshToken', 'refresh_token']]) {
  provider.on(`${name}.saved`, (token) => { if (!token.consumed) alive.set(token.jti, kind); });
  provider.on(`${name}.consumed`, (token) => alive.delete(token.jti));
}
provider.on('grant.success', () => { count.grants += 1; });

async function granted() {
  const grant = new provider.Grant({ accountId: 'ada', clientId: 'robot' });
  grant.addOIDCScope('openid offline_access');
  return grant.save();
}

provider.registerGrantType('urn:ietf:params:oauth:grant-type:token-exchange', async (ctx) => {
  if (ctx.oidc.params.subject_token !== 'subject-5c2') ctx.throw(400, 'invalid_request');
  const token = new provider.ClientCredentials({ client: ctx.oidc.client, scope: 'exchanged' });
  ctx.body = { access_token: await token.save(), expires_in: token.expiration, token_type: 'Bearer' };
}, ['subject_token', 'subject_token_type']);

const test = {
  '/test/left': async () => {
    const found = await Promise.all([...alive].map(async ([jti, kind]) => (await provider[kind].find(jti)) && kind));
    return found.filter(Boolean);
  },
  '/test/count': async () => count,
  '/test/forget': async () => {
    alive.clear();
    count.grants = 0;
    count.calls = 0;
    return count;
  },
  '/test/code': async (query) => {
    const code = new provider.AuthorizationCode({
      accountId: 'ada', client: await provider.Client.find('robot'), grantId: await granted(), gty: 'authorization_code',
      redirectUri: 'https://robot.example/back', scope: 'openid offline_access', authTime: Math.floor(Date.now() / 1000),
      codeChallenge: createHash('sha256').update(query.get('verifier')).digest('base64url'), codeChallengeMethod: 'S256',
    });
    return { code: await code.save() };
  },
  '/test/allow': async (query) => {
    const code = await provider.DeviceCode.findByUserCode(query.get('user_code').replace('-', ''), { ignoreExpiration: true });
    Object.assign(code, { accountId: 'ada', grantId: await granted(), scope: 'openid offline_access', authTime: Math.floor(Date.now() / 1000) });
    await code.save();
    return {};
  },
};

async function valid(header) {
  const token = (header || '').replace('Bearer ', '');
  const found = (await provider.ClientCredentials.find(token)) || (await provider.AccessToken.find(token));
  return Boolean(found && found.isValid);
}

provider.use(async (ctx, next) => {
  if (test[ctx.path]) {
    ctx.body = await test[ctx.path](new URLSearchParams(ctx.querystring));
  } else if (ctx.path === '/me') {
    count.calls += 1;
    const token = (ctx.get('authorization') || '').replace('Bearer ', '');
    const good = (await valid(ctx.get('authorization'))) && !bad.has(token);
    if (good && ctx.query.bad) bad.add(token);
    ctx.status = good && !ctx.query.bad ? 200 : 401;
    ctx.body = { good };
  } else {
    await next();
  }
});
const bad = new Set();
provider.listen(port, '127.0.0.1');
