// nodemon forks a plain Node script, so that its signals reach the server and no shell in between.
require("ts-node/register");
require("./src/index.ts");

// Without its supervisor the server would stay behind and keep the port.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
