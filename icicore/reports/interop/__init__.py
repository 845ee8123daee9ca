"""Files for other systems: DICOM, FHIR, CSV and GeoJSON. Pure: content in, bytes out."""
