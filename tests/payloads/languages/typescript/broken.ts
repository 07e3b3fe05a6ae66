console.log("never");

const value: number = = 3;
