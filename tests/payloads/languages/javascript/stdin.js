const text = require("fs").readFileSync(0, "utf8");
for (const line of text.split("\n").slice(0, -1)) console.log(line + ".");
