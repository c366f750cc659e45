/** Cameras, screens and files, and in plain words why one cannot be had. */

/** @typedef {{title: string, text: string}} Trouble */

/** @param {string} [deviceId] @returns {Promise<MediaStream>} */
export function openCamera(deviceId) {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
  const video = deviceId ? { ...size, deviceId: { exact: deviceId } } : size;
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

/** @returns {Promise<MediaStream>} */
export function openScreen() {
  return navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 15 }, audio: false });
}

/** Cameras that can be chosen; they have names once one was allowed. */
export async function cameras() {
  const found = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return found.filter((device) => device.kind === "videoinput");
}

/** What keeps a page from any camera or screen, before it asks. @returns {Trouble | null} */
export function forbidden() {
  if (window.isSecureContext && navigator.mediaDevices) return null;
  return {
    title: "The browser needs https for this",
    text:
      "Pages may use cameras and screens only over https or on this very machine. Start the service " +
      "with --tls-cert and --tls-key, or open it as http://127.0.0.1, for instance through an ssh tunnel. " +
      "Files, network cameras and running streams work as they are.",
  };
}

/** @param {any} error @param {"webcam" | "screen" | "file"} kind @returns {Trouble} */
export function explain(error, kind) {
  const what = kind === "screen" ? "the screen" : "the camera";
  switch (error?.name) {
    case "NotAllowedError":
      return {
        title: `${kind === "screen" ? "The screen" : "The camera"} is not allowed`,
        text: `The browser keeps this page from ${what}. Allow it with the icon at the left of the address, then try again.`,
      };
    case "NotFoundError":
    case "OverconstrainedError":
      return { title: "No camera was found", text: "Plug one in, or choose another source above." };
    case "NotReadableError":
      return { title: "The camera is busy", text: "Another program uses it. Close that, then try again." };
    case "NotSupportedError":
      return { title: "The file cannot be played", text: "This browser has no decoder for it. MP4 with H.264 and WebM work everywhere." };
    default:
      return { title: `That did not work`, text: String(error?.message ?? error) };
  }
}
