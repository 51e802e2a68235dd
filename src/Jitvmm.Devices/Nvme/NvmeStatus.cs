namespace Jitvmm.Devices.Nvme;

/// <summary>Status codes with their type in bits 8 and up (NVM Express base specification 2.0, figures 94 to 97).</summary>
internal enum NvmeStatus : ushort
{
    Success = 0x000,
    InvalidOpcode = 0x001,
    InvalidField = 0x002,
    TransferError = 0x004,
    InternalError = 0x006,
    InvalidNamespace = 0x00b,
    OutOfRange = 0x080,
    CompletionQueueInvalid = 0x100,
    InvalidQueueIdentifier = 0x101,
    InvalidQueueSize = 0x102,
    AbortLimit = 0x103,
    InvalidVector = 0x108,
    InvalidLogPage = 0x109,
    InvalidQueueDeletion = 0x10c,
    NamespaceWriteProtected = 0x020,
}
