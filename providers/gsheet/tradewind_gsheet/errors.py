"""What can be wrong with a spreadsheet. Every message names the connection, and none shows a key or a token.

TradewindError
├── GSheetsError             Google refused a request, or what was asked for cannot be done
│   ├── NotShared            403
│   ├── SpreadsheetNotFound  404, or no spreadsheet has that title
│   ├── BadRange             400: a range or tab that is not there
│   ├── QuotaExceeded        429, again and again
│   └── OutcomeUnknown       no answer came, and the request must not be repeated
└── ConnectionFault
    └── LoginRefused         the key is wrong, revoked, or cannot be read
"""

from __future__ import annotations

from tradewind.errors import ConnectionFault, TradewindError


class GSheetsError(TradewindError):
    """Google refused a request, or it cannot be made."""


class NotShared(GSheetsError):
    """The login may not use the spreadsheet. The message tells with whom it must be shared."""


class SpreadsheetNotFound(GSheetsError):
    """There is no such spreadsheet, or it is hidden from this login."""


class BadRange(GSheetsError):
    """The spreadsheet has no such tab or range. The message lists its tabs."""


class QuotaExceeded(GSheetsError):
    """Google takes no more requests at the moment, and did so after every repetition."""


class OutcomeUnknown(GSheetsError):
    """A request that must not be repeated was sent, and no answer came: it may have been carried out."""


class LoginRefused(ConnectionFault):
    """Google does not accept the key of the connection."""
