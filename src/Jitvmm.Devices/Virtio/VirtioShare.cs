using System.Text;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Loading;
using Jitvmm.Devices.Shares;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Virtio;

/// <summary>A folder of the host over virtio (device type 9: a queue of 9P requests, each with room for its reply).</summary>
public sealed class VirtioShare : VirtioDevice, IDisposable
{
    private const ulong HasTag = 1;
    private const int MaximumTag = 255;

    private readonly NineServer _server;
    private readonly byte[] _tag;
    private readonly byte[] _request = new byte[NineServer.MaximumMessage];
    private readonly byte[] _reply = new byte[NineServer.MaximumMessage];
    private readonly Lock _serverLock = new();

    /// <exception cref="BootException">The folder cannot be opened, or the tag is too long.</exception>
    public VirtioShare(string path, string tag, bool isReadOnly, PhysicalMemory memory, ApicBus bus)
        : base(9, 0x000200, memory, bus, 128)
    {
        byte[] text = Encoding.UTF8.GetBytes(tag);
        if (text.Length > MaximumTag)
        {
            throw new BootException($"share {path}: the tag is longer than {MaximumTag} bytes");
        }

        _tag = [(byte)text.Length, 0, .. text];
        _server = new NineServer(path, isReadOnly);
    }

    protected override ulong DeviceFeatures => HasTag;

    public void Dispose() => _server.Dispose();

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        lock (_serverLock)
        {
            _server.Save(writer);
        }
    }

    public override void Restore(StateReader reader)
    {
        base.Restore(reader);
        lock (_serverLock)
        {
            _server.Restore(reader);
        }
    }

    protected override void OnReset()
    {
        lock (_serverLock)
        {
            _server.Reset();
        }
    }

    protected override ReadOnlySpan<byte> DeviceConfiguration => _tag;

    protected override void Serve(int index, VirtQueue queue)
    {
        while (queue.TryPop())
        {
            VirtChain chain = queue.Chain;
            int length = chain.Read(0, _request);
            int answered;
            lock (_serverLock)
            {
                answered = _server.Answer(_request.AsSpan(0, length), _reply);
            }

            queue.Push(chain.Head, (uint)chain.Write(0, _reply.AsSpan(0, answered)));
        }
    }
}
