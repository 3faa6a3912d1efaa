"""A headless Chromium that a test drives as a person would: real keys, a real mouse. It is spoken to in its own protocol (DevTools) over
a pipe, messages of JSON ended by a NUL, so that nothing else need be installed.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from harness import DIE_WITH_US, wait_until


class Browser:
    def __init__(self, url, width=1280, height=900):
        self.home = tempfile.mkdtemp(prefix="weir-browser-")
        theirs, self.write = os.pipe()
        self.read, answers = os.pipe()
        self.process = subprocess.Popen(
            [*DIE_WITH_US, "sh", "-c", f'exec "$@" 3<&{theirs} 4>&{answers}', "sh", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--remote-debugging-pipe", f"--user-data-dir={self.home}", f"--window-size={width},{height}", "about:blank"],
            pass_fds=(theirs, answers), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        os.close(answers)
        self.buffer, self.number, self.session = b"", 0, None
        targets = wait_until(lambda: [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"], "a page is there")
        self.session = self.call("Target.attachToTarget", targetId=targets[0]["targetId"], flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Page.navigate", url=url)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]

    def next(self, timeout=60):
        end = time.monotonic() + timeout
        while b"\0" not in self.buffer:
            if not select.select([self.read], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"the browser said nothing for {timeout} s")
            more = os.read(self.read, 1 << 16)
            if not more:
                raise AssertionError(f"the browser ended: {self.process.wait()}")
            self.buffer += more
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def js(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def place(self, selector):
        """Middle of an element, scrolled into sight; left, top, width, height of it behind that."""
        x, y, w, h = self.js(f"""(() => {{ const e = document.querySelector({json.dumps(selector)});
            e.scrollIntoView({{block: "center", behavior: "instant"}}); const r = e.getBoundingClientRect();
            return [r.left, r.top, r.width, r.height]; }})()""")
        return x + w / 2, y + h / 2, (x, y, w, h)

    def mouse(self, kind, x, y, pressed=0):
        self.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, button="left" if pressed or kind != "Moved" else "none",
                  buttons=pressed, clickCount=int(kind != "Moved"))

    def click(self, selector):
        x, y, _ = self.place(selector)
        self.mouse("Moved", x, y)
        self.mouse("Pressed", x, y, 1)
        self.mouse("Released", x, y)

    def drag(self, selector, begin, end):
        """Along an element's middle, from and to these parts of its width."""
        _, y, (left, _, width, _) = self.place(selector)
        self.mouse("Moved", left + begin * width, y)
        self.mouse("Pressed", left + begin * width, y, 1)
        for step in range(1, 6):
            self.mouse("Moved", left + (begin + (end - begin) * step / 5) * width, y, 1)
        self.mouse("Released", left + end * width, y)

    def type(self, selector, text):
        """In place of what the box held, and Enter."""
        self.click(selector)
        self.js(f"document.querySelector({json.dumps(selector)}).select()")
        for c in text:
            self.call("Input.dispatchKeyEvent", type="char", text=c)
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13,
                      **({"text": "\r"} if kind == "keyDown" else {}))

    def back(self):
        history = self.call("Page.getNavigationHistory")
        self.call("Page.navigateToHistoryEntry", entryId=history["entries"][history["currentIndex"] - 1]["id"])

    def screen(self, width, height, dark=False, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.read)
        os.close(self.write)
        shutil.rmtree(self.home, ignore_errors=True)
