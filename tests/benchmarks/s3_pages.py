"""`python -m tests.benchmarks.s3_pages COUNT`: answers a listing of so many keys, with pages that are made beforehand.

Prints its port. For the benchmark of listing: it takes a client's requests apart as little as it can.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = 1000

_ROW = (
    "<Contents><Key>day=2025-03-08/part-{:07}.csv</Key><LastModified>2025-03-08T01:02:03.000Z</LastModified>"
    "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


def pages(count):
    """The answers, by the token that asks for each."""
    made = {}
    for start in range(0, count, PAGE):
        end = min(start + PAGE, count)
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < count else ""
        rows = "".join(_ROW.format(number, number) for number in range(start, end))
        made[str(start)] = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>lake</Name><Prefix></Prefix><KeyCount>{end - start}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
            f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}{rows}</ListBucketResult>"
        ).encode()
    return made


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for each answer

    disable_nagle_algorithm = True

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        body = self.server.pages[query.get("continuation-token", ["0"])[0]]
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Nothing: the output is for the port."""


def main():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.pages = pages(int(sys.argv[1]))
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
