"""E-mail addresses, in the one form in which they are stored and looked up."""

from service.core.errors import InvalidInputError
from service.users.models import MAX_EMAIL_LENGTH


def normalised(address: str) -> str:
    """The address in lower case, its domain as DNS writes it. Raises InvalidInputError for what is no address.

    The part before the @ must be ASCII, so that no two addresses look alike.
    """
    # Only registration, sign-in and a change of address need it.
    from email_validator import EmailNotValidError, validate_email

    if len(address) > MAX_EMAIL_LENGTH:
        raise InvalidInputError(f"An address has at most {MAX_EMAIL_LENGTH} characters.")
    try:
        ascii_form = validate_email(address, check_deliverability=False, allow_smtputf8=False).ascii_email
    except (EmailNotValidError, UnicodeError) as error:
        reason = str(error) if isinstance(error, EmailNotValidError) else "It has characters that no address has."
        raise InvalidInputError(f"That is not an e-mail address. {reason}") from None
    if ascii_form is None or len(ascii_form) > MAX_EMAIL_LENGTH:
        raise InvalidInputError(f"An address has at most {MAX_EMAIL_LENGTH} characters.")
    return ascii_form.lower()
