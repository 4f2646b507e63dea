/** One server-sent event, its data parsed. */
export interface ReceivedEvent {
  id: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an event's data is looked into freely
  data: any;
}

/** A stream of server-sent events that an EventSource would read (HTML, section 9.2). */
export interface Subscription {
  response: Response;
  events: AsyncGenerator<ReceivedEvent>;
  /** Leaves, as a closed tab does. */
  leave: () => void;
}

export async function subscribe(
  url: string,
  headers: Record<string, string>,
): Promise<Subscription> {
  const leaving = new AbortController();
  const response = await fetch(url, { headers, signal: leaving.signal });
  return { response, events: eventsOf(response), leave: () => leaving.abort() };
}

/** All events until the stream ends. */
export async function allEvents({ events }: Subscription): Promise<ReceivedEvent[]> {
  const found: ReceivedEvent[] = [];
  for await (const event of events) {
    found.push(event);
  }
  return found;
}

async function* eventsOf(response: Response): AsyncGenerator<ReceivedEvent> {
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + chunk).split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks.filter((one) => !one.startsWith(":"))) {
      const [, id, data] = /^id: (\d+)\ndata: (.+)$/.exec(block)!;
      yield { id: id!, data: JSON.parse(data!) };
    }
  }
}
