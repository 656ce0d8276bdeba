"""Stripe, OpenMeter, Lago and AWS Marketplace as one local HTTP server that enforces the rules they document."""

import contextlib
import json
import re
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl

DAY = 86_400
SECRET = "sk_live_test-secret-0123456789"
METERS = {"credit_rating_predict": "mtr_1", "credit_rating_batch": "mtr_2"}

LOST = "lost"
"""Counted, then answered 500."""
DROPPED = "dropped"
"""Counted, then the connection is closed without an answer."""


class BillingSystems:
    """What all of them have counted, and what they do wrong.

    `faults` gives for each request None, a status to answer instead, LOST or DROPPED; `hook` is called with the
    request's number, from 1, before and after it is counted.
    """

    def __init__(self):
        self.faults = iter(())
        self.hook = lambda number, phase: None
        self.clock = time.time
        self.keeps_good_half = False
        self.retry_after = "0"
        self.requests = []
        self.counted = defaultdict(int)
        self._lock = threading.Lock()
        self._seen = {}
        self._events = []
        self._records = {}
        self._failed_once = set()

    def sums(self):
        """Units by the system's customer and meter."""
        return {key: units for key, units in self.counted.items() if units}

    def take(self, method, path, headers, body):
        """Return status, body and headers of an answer; None drops the connection."""
        with self._lock:
            number = len(self.requests) + 1
            self.requests.append((method, path, dict(headers), body))
            fault = next(self.faults, None)
            self.hook(number, "before")
            if isinstance(fault, int):
                return fault, {"error": {"message": "try again"}}, {"Retry-After": self.retry_after}
            status, said = self._route(method, path, headers, body)
            self.hook(number, "after")
        if fault == DROPPED:
            return None
        return (500, {}, {}) if fault == LOST else (status, said, {})

    def _route(self, method, path, headers, body):
        if "x-amz-target" in headers:
            return self._marketplace(headers, body)
        if headers.get("authorization") != f"Bearer {SECRET}":
            return 401, {"error": {"code": "api_key_invalid", "message": "no"}}
        place, _, query = path.partition("?")
        if found := re.fullmatch(r"/v1/billing/meters/(\w+)/event_summaries", place):
            return self._summaries(found[1], dict(parse_qsl(query)))
        if (method, place) == ("GET", "/v1/billing/meters"):
            return 200, self._meters(parse_qs(query))
        takers = {
            "/v1/billing/meter_events": self._stripe,
            "/api/v1/events": self._openmeter,
            "/api/v1/events/batch": self._lago,
        }
        return takers[place](headers, body) if method == "POST" and place in takers else (404, {})

    def _stripe(self, headers, body):
        assert headers["content-type"] == "application/x-www-form-urlencoded"
        said = dict(parse_qsl(body.decode(), strict_parsing=True))
        now, at = self.clock(), int(said["timestamp"])
        if not 0 < len(said["identifier"]) <= 100:
            return _stripe_error("parameter_invalid", "identifier")
        if not now - 35 * DAY <= at <= now + 300:
            return _stripe_error("timestamp_too_far_in_past", "timestamp")
        if said["event_name"] not in METERS or not said["payload[stripe_customer_id]"].startswith("cus_"):
            return _stripe_error("resource_missing", f"No such customer: {said['payload[stripe_customer_id]']}")
        if now - self._seen.get(said["identifier"], -DAY) < DAY:
            return _stripe_error(None, f"An event already exists with identifier {said['identifier']}.")
        self._seen[said["identifier"]] = now
        value = int(said["payload[value]"])
        self.counted[said["payload[stripe_customer_id]"], said["event_name"]] += value
        self._events.append((said["payload[stripe_customer_id]"], METERS[said["event_name"]], at, value))
        return 200, {"object": "billing.meter_event", "identifier": said["identifier"]}

    def _meters(self, query):
        # One meter a page, so that whoever does not turn pages finds but the first.
        names = sorted(METERS)
        after = query.get("starting_after", [None])[0]
        start = 0 if after is None else [METERS[name] for name in names].index(after) + 1
        page = [{"id": METERS[name], "event_name": name} for name in names[start : start + 1]]
        return {"object": "list", "data": page, "has_more": start + 1 < len(names)}

    def _summaries(self, meter, query):
        begin, end = int(query["start_time"]), int(query["end_time"])
        if begin % 60 or end % 60 or end <= begin:
            return 400, {"error": {"code": "parameter_invalid", "message": "minutes"}}
        values = [
            value
            for customer, its_meter, at, value in self._events
            if (customer, its_meter) == (query["customer"], meter) and begin <= at < end
        ]
        data = [{"object": "billing.meter_event_summary", "aggregated_value": float(sum(values))}] if values else []
        return 200, {"object": "list", "data": data, "has_more": False}

    def _openmeter(self, headers, body):
        assert headers["content-type"] == "application/cloudevents-batch+json"
        events = json.loads(body)
        for event in events:
            if {"specversion", "id", "source", "type", "subject"} - event.keys() or event["specversion"] != "1.0":
                return 400, {"type": "about:blank", "status": 400}
        if any(event["subject"] == "refused" for event in events):
            return 400, {"type": "about:blank", "status": 400}
        for event in events:
            if (event["source"], event["id"]) not in self._seen:
                self._seen[event["source"], event["id"]] = self.clock()
                self.counted[event["subject"], event["type"]] += int(event["data"]["units"])
        return 204, None

    def _lago(self, headers, body):
        assert headers["content-type"] == "application/json"
        events = json.loads(body)["events"]
        if not 1 <= len(events) <= 100:
            return 422, {"status": 422, "code": "validation_errors", "error_details": {"events": ["too_many_events"]}}
        flaws = {}
        for number, event in enumerate(events):
            assert re.fullmatch(r"\d+\.\d{3}", event["timestamp"]), "without a time a repetition is another event"
            if event["external_subscription_id"] == "refused":
                flaws[str(number)] = {"code": ["not_found"]}
            elif event["transaction_id"] in self._seen:
                flaws[str(number)] = {"transaction_id": ["value_already_exist"]}
        for number, event in enumerate(events):
            # Lago before lago-api #4772 kept the good events of a batch that it refused.
            if not flaws or (self.keeps_good_half and str(number) not in flaws):
                self._seen[event["transaction_id"]] = self.clock()
                self.counted[event["external_subscription_id"], event["code"]] += int(event["properties"]["units"])
        if flaws:
            return 422, {"status": 422, "code": "validation_errors", "error_details": flaws}
        return 200, {"events": events}

    def _marketplace(self, headers, body):
        assert headers["x-amz-target"] == "AWSMPMeteringService.BatchMeterUsage"
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
        said = json.loads(body)
        records, now = said["UsageRecords"], self.clock()
        if not 1 <= len(records) <= 25 or len(body) >= 1_000_000 or "ProductCode" in said:
            return 400, {"__type": "ValidationException"}
        if any(not now - DAY < record["Timestamp"] <= now for record in records):
            return 400, {"__type": "TimestampOutOfBoundsException", "message": "out of allowed range"}
        results, unprocessed = [], []
        for record in records:
            key = record["CustomerAWSAccountId"], record["LicenseArn"], record["Dimension"], record["Timestamp"] // 3600
            if int(record["QuantityAsDecimal"]) % 7 == 3 and key not in self._failed_once:
                self._failed_once.add(key)
                unprocessed.append(record)
                continue
            results.append({"UsageRecord": record, "Status": self._meter(key, record)})
        return 200, {"Results": results, "UnprocessedRecords": unprocessed}

    def _meter(self, key, record):
        if key[0] == "000000000000":
            return "CustomerNotSubscribed"
        quantity = int(record["QuantityAsDecimal"])
        if self._records.setdefault(key, quantity) != quantity:
            return "DuplicateRecord"
        if key not in self._seen:
            self._seen[key] = self.clock()
            self.counted[key[0], key[2]] += quantity
        return "Success"


def _stripe_error(code, message):
    return 400, {"error": {"type": "invalid_request_error", "code": code, "message": message}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.systems.take(self.command, self.path, headers, body)
        if answer is None:
            self.close_connection = True
            return
        status, said, more = answer
        content = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = _answer  # noqa: N815 - http.server calls them so

    def log_message(self, *_):
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that was killed is no error of the server."""


@contextlib.contextmanager
def running_systems():
    """Yield the systems, and the address where they all are."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.systems = BillingSystems()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.systems, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
