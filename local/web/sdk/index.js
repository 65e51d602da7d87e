/** `@conchat/client`: ConChat for browsers and Node, without dependencies. */

export { ConChat } from "./client.js";
export { Delivery } from "./delivery.js";
export { Emitter } from "./emitter.js";
export { ConChatError } from "./errors.js";
export { Timeline } from "./timeline.js";
export { purposeOf } from "./uploads.js";
