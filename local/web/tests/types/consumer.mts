/** Code of an app that uses `@conchat/client`: the generated types accept it, and reject the marked mistakes. */

import { ConChat, ConChatError, Delivery } from "@conchat/client";
import type { Frame, Message, SendAction } from "@conchat/client/wire";

const chat = new ConChat({ api: "https://chat.example" });
chat.on("message", (message) => {
  const text: string = message.content;
  const mine: boolean | null | undefined = message.reactions[0]?.mine;
  void [text, mine];
});
chat.on("ended", ({ code }) => void code.toUpperCase());
chat.on("elsewhere", ({ username }) => void (chat.resume() && username.length));
chat.on("full", (full) => void (full === chat.full));
// @ts-expect-error the event has a user, not a code
chat.on("elsewhere", ({ code }) => void code);
// @ts-expect-error there is no such event
chat.on("nonsense", () => {});
// @ts-expect-error a message is an object
chat.send(7, "text");

export async function notify(registration: ServiceWorkerRegistration): Promise<string> {
  await chat.push.subscribe(registration);
  await chat.api.me.change({ settings: { notifications: "mentions" } });
  await chat.api.rooms.mute("lunch", null);
  await chat.renew();
  // @ts-expect-error a registration is needed
  await chat.push.unsubscribe();
  return chat.me?.settings?.notifications ?? "all";
}

export async function tour(file: File): Promise<number> {
  await chat.login({ username: "ann", password: "a long passphrase" });
  await chat.open(7);
  const picture = await chat.upload(file, "image", { progress: (share) => void share.toFixed() });
  const item = chat.send(7, { content: "Hello", attachments: [picture] });
  if (item.state === "failed") chat.retry(item.client_id);
  if (!item.saved) window.onbeforeunload = () => "Not sent yet.";
  try {
    const { items } = await chat.api.search("saffron");
    return items[0]?.highlights[0]?.from ?? 0;
  } catch (error) {
    return error instanceof ConChatError ? error.status : 0;
  }
}

/** Custom stores, with and without enumeration; `sessionStorage` is one. */
export const stores: ConChat[] = [
  new ConChat({ store: sessionStorage }),
  new ConChat({ store: { getItem: () => null, setItem: () => {}, removeItem: () => {} } }),
  new ConChat({ store: { length: 1, key: (index) => `${index}`, getItem: (key) => key, setItem: (_key: string, _value: string) => {}, removeItem: () => {} } }),
  // @ts-expect-error `removeItem` is required
  new ConChat({ store: { getItem: () => null, setItem: () => {} } }),
];

/** For apps with a socket of their own. */
export function shown(frame: Frame): Message | null {
  return frame.type === "message" ? frame : null;
}
export const hello: SendAction = { action: "send", room_id: "general", content: "Hello" };
// @ts-expect-error there is no such frame
export const typo = (frame: Frame) => frame.type === "mesage";

export const needs = new Delivery(1).needs().map((need) => (need.kind === "sync" ? need.since : 0));
