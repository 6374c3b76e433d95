/** The callbacks that a WebSocket's owner provides. */

/** Set for a socket between its handshake and its first message. */
export interface SocketListener {
  /** One whole message as text; a binary one is read as UTF-8 too, as Reverb does. */
  onMessage(text: string): void;
  /** Any frame arrived. `isControl`: a ping or pong. */
  onReceived(isControl: boolean): void;
  /** A pong with a payload, which may be any bytes. */
  onPong?(payload: string): void;
  /** A frame was not sent, since too much waits for the client. */
  onDropped?(): void;
  /** One whole message that is longer than it may be, but not twice as long; the connection stays. */
  onLongMessage(text: string): void;
  /** A message was more than twice as long as it may be, and the connection is closed for it. */
  onTooLong?(): void;
  /** The client has not read what it was sent for too long; what waits for it has been given up. */
  onTooSlow?(): void;
  /**
   * A close was sent or received, or the socket is gone (1006); called once, with the code of who closed first. Nothing
   * can be sent any more.
   */
  onClosed(code: number): void;
}
