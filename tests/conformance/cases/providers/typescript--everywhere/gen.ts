type T = { vars: { x: number }; assert?: any[] };
const tests: T[] = [1, 2].map((x) => ({ vars: { x }, assert: [{ type: 'javascript', value: 'file://a.ts' }] }));
export default async function (): Promise<T[]> { return tests; }
