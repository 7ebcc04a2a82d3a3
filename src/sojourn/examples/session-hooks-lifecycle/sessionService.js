// A stand-in for a service that keeps sessions: it remembers, for each session, what was said in it.
const { randomUUID } = require('node:crypto');
const { setTimeout: pause } = require('node:timers/promises');

const LATENCY_MS = 50;

class SessionService {
  constructor() {
    this.sessions = new Map();
  }

  async initialize() {
    this.sessions.clear();
    console.log('SessionService initialized');
  }

  async createSession(userId) {
    if (!userId.trim()) {
      throw new Error('a session needs a user ID');
    }
    const id = randomUUID();
    this.sessions.set(id, { userId, startedAt: Date.now(), requests: 0, history: [] });
    console.log(`Session created for user ${userId}: ${id}`);
    return id;
  }

  async makeRequest(sessionId, prompt) {
    const session = this.find(sessionId);
    const prior = session.history.length;
    const number = (session.requests += 1);
    await pause(LATENCY_MS);
    const text =
      `Response to: "${prompt}" ` +
      `(Session has ${prior} prior exchanges, request #${number} for user ${session.userId})`;
    session.history.push({ prompt, text });
    return { text, prior, number };
  }

  async closeSession(sessionId) {
    const session = this.find(sessionId);
    this.sessions.delete(sessionId);
    console.log(`Closing session ${sessionId} for user ${session.userId}`);
    console.log(`  Total requests: ${session.requests}`);
    console.log(`  Duration: ${Date.now() - session.startedAt}ms`);
  }

  getStats() {
    const open = [...this.sessions.values()];
    return {
      active_sessions: open.length,
      total_requests: open.reduce((sum, session) => sum + session.requests, 0),
    };
  }

  find(sessionId) {
    const session = this.sessions.get(sessionId);
    if (!session) {
      throw new Error(`no session has the ID ${sessionId}`);
    }
    return session;
  }
}

module.exports = { SessionService };
