export const helper = <T extends string>(x: T): string => 'H' + (x as string);
