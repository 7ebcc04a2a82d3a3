// Opens the session before the first test and closes it after the last one.
const { sharedState } = require('./sessionProvider');

async function sessionHook(hookName) {
  if (hookName === 'beforeAll') {
    await setUp();
  } else if (hookName === 'afterAll') {
    await cleanUp();
  }
}

// A set-up that fails is logged; the tests then fail with "No active session found".
async function setUp() {
  const userId = process.env.TEST_USER_ID ?? 'test-user-123';
  console.log('=== Session Lifecycle Hook: Setting up ===');
  try {
    await sharedState.service.initialize();
    sharedState.sessionId = await sharedState.service.createSession(userId);
    console.log(`✓ Session created successfully: ${sharedState.sessionId}`);
    console.log(`✓ User ID: ${userId}`);
  } catch (error) {
    console.error(`✗ Failed to create session: ${error.message}`);
  }
  console.log('===========================================');
}

// A clean-up that fails is a warning: the tests' verdicts stand.
async function cleanUp() {
  const { sessionId, service } = sharedState;
  console.log('=== Session Lifecycle Hook: Cleaning up ===');
  try {
    if (sessionId) {
      console.log(`✓ Session stats: ${JSON.stringify(service.getStats())}`);
      await service.closeSession(sessionId);
      console.log(`✓ Session closed: ${sessionId}`);
    } else {
      console.log('No active session to close');
    }
  } catch (error) {
    console.warn(`Warning: failed to close session: ${error.message}`);
  } finally {
    sharedState.sessionId = null;
  }
  console.log('============================================');
}

module.exports = { sessionHook };
