console.log(require("./helper").word());
