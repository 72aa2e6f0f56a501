"use strict";
/* A new job. */
async function newPage() {
  stop();
  write(main, title("New job"));
}
