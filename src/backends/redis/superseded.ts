/**
 * Why a link is left for another one although its server may still answer: calls belong elsewhere now. What is in flight on it may
 * finish; what comes meanwhile waits for the other one.
 */
export class Superseded extends Error {}
