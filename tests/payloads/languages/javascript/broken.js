console.log("never");

const value = = 3;
