"""One visitor of the running dashboard, without a browser: Streamlit's own messages over its websocket."""

from __future__ import annotations

import time
from dataclasses import dataclass

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

PATIENCE = 120                                             # seconds for one message
DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass(frozen=True)
class Picker:
    """A selectbox of the page: its id, the fragment that it lives in, what can be chosen."""

    id: str
    fragment: str
    options: tuple[str, ...]


class Visitor:
    """Opens one page and chooses in its selectboxes, as the browser's side of Streamlit would.

    pickers: the page's selectboxes by their key. RuntimeError when the page shows an error, or an answer
    does not come.
    """

    def __init__(self, port: int, page: str, query: str = ""):
        self.pickers: dict[str, Picker] = {}
        self._cached: dict[str, bytes] = {}                # messages which the server may refer to again
        self._chosen: dict[str, str] = {}
        self._page, self._query, self._hash = page, query, ""
        address = f"ws://127.0.0.1:{port}/_stcore/stream"
        self._socket = connect(address, subprotocols=["streamlit"], max_size=None)
        self._run("")

    def choose(self, **choices: str) -> bytes:
        """Choose an option in each of the pickers of those keys at once, and wait until the page has run.

        Returns all that the page sent. The pickers share a fragment.
        """
        for key, option in choices.items():
            picker = self.pickers[key]
            if option not in picker.options:
                raise RuntimeError(f"'{option}' cannot be chosen in '{key}'.")
            self._chosen[picker.id] = option
        return self._run(picker.fragment)

    def close(self) -> None:
        self._socket.close()

    def _run(self, fragment: str) -> bytes:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name, state.page_script_hash = self._query, self._page, self._hash
        state.fragment_id = fragment
        state.cached_message_hashes.extend(self._cached)
        for name, option in self._chosen.items():
            state.widget_states.widgets.add(id=name, string_value=option)
        self._socket.send(message.SerializeToString())
        return self._answers()

    def _answers(self) -> bytes:
        """Read up to the end of the run."""
        sent, deadline = [], time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            data = self._socket.recv(timeout=PATIENCE)
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "ref_hash":
                message = ForwardMsg.FromString(self._cached[message.ref_hash])
                kind = message.WhichOneof("type")
            elif message.metadata.cacheable:
                self._cached[message.hash] = data
            sent.append(data)
            if kind == "new_session":
                self._hash = message.new_session.page_script_hash
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "delta":
                self._note(message.delta)
            elif kind == "script_finished" and message.script_finished in DONE:
                return b"".join(sent)
        raise RuntimeError(f"The page did not finish within {PATIENCE} seconds.")

    def _note(self, delta) -> None:
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception" or kind == "alert" and element.alert.format == Alert.ERROR:
            raise RuntimeError(f"The page shows an error: {element.exception.message or element.alert.body}")
        if kind == "selectbox":
            box = element.selectbox
            key = box.id.rpartition("-")[2]                # ids end in the key that the page gave
            self.pickers[key] = Picker(box.id, delta.fragment_id, tuple(box.options))
