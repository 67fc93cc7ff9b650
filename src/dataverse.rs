//! The Web API client. It knows OData and Dataverse, and nothing of links, journals or consoles.

mod clock;

pub use clock::now;
