// The provider under test. It opens no session itself: it uses the one that the hook has put into sharedState.
const { SessionService } = require('./sessionService');

// The hook requires this module too, and so sees this very object.
const sharedState = { sessionId: null, service: new SessionService() };

class SessionProvider {
  constructor(options = {}) {
    this.providerId = options.id || 'session-provider';
  }

  id() {
    return this.providerId;
  }

  async callApi(prompt) {
    const { sessionId, service } = sharedState;
    try {
      if (!sessionId) {
        throw new Error('No active session found. Make sure beforeAll hook ran successfully.');
      }
      const { text, prior, number } = await service.makeRequest(sessionId, prompt);
      // sessionId tells the runner which session this was, and so which tests share one.
      return { output: text, sessionId, metadata: { sessionId, priorExchanges: prior, requestNumber: number } };
    } catch (error) {
      return { error: error.message };
    }
  }
}

module.exports = SessionProvider;
module.exports.sharedState = sharedState;
