"""What turns WeasyPrint's PDF/A-3a into a Factur-X file: the XML inside, and what the metadata say of it."""

from importlib import import_module
from typing import Any

from django.utils.translation import gettext

from invoices.einvoice import FILENAME

VARIANT = "pdf/a-3a"
NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
PROPERTIES = {
    "DocumentFileName": "name of the embedded XML invoice file",
    "DocumentType": "INVOICE",
    "Version": "The actual version of the Factur-X XML schema",
    "ConformanceLevel": "The conformance level of the embedded Factur-X data",
}
PROPERTY = """<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>
<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>
<pdfaProperty:description>{text}</pdfaProperty:description></rdf:li>"""
# PDF/A allows no property whose schema the file does not describe itself
METADATA = """<rdf:Description rdf:about="" xmlns:fx="{namespace}"><fx:DocumentType>INVOICE</fx:DocumentType>
<fx:DocumentFileName>{filename}</fx:DocumentFileName><fx:Version>1.0</fx:Version>
<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>{namespace}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description></rdf:RDF>"""


def options(xml: bytes | None) -> dict[str, Any]:
    """How WeasyPrint writes the file; with `xml` inside, where there is one. For one document: it keeps the XML."""
    if xml is None:
        return {"pdf_variant": VARIANT}
    said = gettext("The same document as data (EN 16931)")
    attachment = import_module("weasyprint").Attachment(
        string=xml, name=FILENAME, description=said, relationship="Alternative"
    )
    return {"pdf_variant": VARIANT, "attachments": [attachment], "finisher": _finish}


def _finish(document: Any, pdf: Any) -> None:
    """Two flaws of WeasyPrint 70: further metadata become a second RDF that nobody reads, and the XML is associated
    twice with the document."""
    metadata = _object(pdf, "Metadata")
    properties = "".join(PROPERTY.format(name=name, text=text) for name, text in PROPERTIES.items())
    told = METADATA.format(namespace=NAMESPACE, filename=FILENAME, properties=properties)
    metadata.stream = [b"".join(metadata.stream).replace(b"</rdf:RDF>", told.encode())]
    pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])


def _object(pdf: Any, name: str) -> Any:
    return pdf.objects[int(pdf.catalog[name].split()[0])]
