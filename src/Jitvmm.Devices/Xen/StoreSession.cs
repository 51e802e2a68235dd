using System.Buffers.Binary;
using System.Globalization;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Xen;

/// <summary>A guest's dealings with the store: its requests, watches and transactions, and what it is to be sent. Under the store's lock.</summary>
internal sealed class StoreSession(XenStore store, uint domain)
{
    public const int HeaderLength = 16;

    private static readonly byte[] s_done = "OK\0"u8.ToArray();

    private readonly List<StoreWatch> _watches = [];
    private readonly Dictionary<uint, StoreTransaction> _transactions = [];
    private readonly Queue<byte[]> _outgoing = [];
    private int _outstanding;
    private uint _lastTransaction;

    /// <summary>Messages the guest is to get, in this order.</summary>
    public Queue<byte[]> Outgoing => _outgoing;

    /// <summary>The guest lets more pile up than anyone needs.</summary>
    public bool IsOverrun => _outstanding > StoreLimits.Outstanding;

    /// <summary>Called when there is something outgoing.</summary>
    public Action? Ready { get; set; }

    /// <summary>Takes the first outgoing message off.</summary>
    public void Sent() => _outstanding -= _outgoing.Dequeue().Length;

    /// <summary>Forgets all, as for a guest that comes anew.</summary>
    public void Reset()
    {
        _watches.Clear();
        _transactions.Clear();
        _outgoing.Clear();
        _outstanding = 0;
    }

    /// <summary>Answers a request.</summary>
    public void Handle(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        uint type = BinaryPrimitives.ReadUInt32LittleEndian(header);
        uint request = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        uint transaction = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        List<byte> answer = [];
        StoreWatch? added = null;
        StoreError error = (StoreMessage)type switch
        {
            StoreMessage.Watch => Watch(payload, out added),
            StoreMessage.Unwatch => Unwatch(payload),
            StoreMessage.ResetWatches => ResetWatches(),
            StoreMessage.TransactionStart => Start(transaction, answer),
            StoreMessage.TransactionEnd => End(transaction, payload),
            _ => HandlePath((StoreMessage)type, transaction, payload, answer),
        };
        if (error == StoreError.None && answer.Count > StoreLimits.Payload)
        {
            error = StoreError.E2BIG;
        }

        if (error != StoreError.None)
        {
            answer.Clear();
            StoreText.Add(answer, error.ToString());
        }

        Send(error == StoreError.None ? type : (uint)StoreMessage.Error, request, transaction, answer);

        // A new watch fires once at once; the answer comes first.
        if (added != null)
        {
            SendEvent(added, added.Named(added.Path));
        }
    }

    /// <summary>A path changed that the guest may read.</summary>
    public void Announce(string path, bool isRemoval)
    {
        foreach (StoreWatch watch in _watches)
        {
            if (watch.EventFor(path, isRemoval) is { } named)
            {
                SendEvent(watch, named);
            }
        }

        Ready?.Invoke();
    }

    public void Save(StateWriter writer)
    {
        writer.Int32(_watches.Count);
        foreach (StoreWatch watch in _watches)
        {
            StoreText.Save(writer, watch.Path);
            StoreText.Save(writer, watch.Token);
            writer.Bool(watch.IsRelative);
        }

        writer.Int32(_transactions.Count);
        foreach (uint id in _transactions.Keys)
        {
            writer.UInt32(id);
        }

        writer.UInt32(_lastTransaction);
        writer.Int32(_outgoing.Count);
        foreach (byte[] message in _outgoing)
        {
            writer.Bytes(message);
        }
    }

    /// <remarks>Transactions go on, but end with EAGAIN, after which guests begin them again.</remarks>
    public void Restore(StateReader reader)
    {
        Reset();
        for (int left = reader.Int32(); left > 0; left--)
        {
            _watches.Add(new StoreWatch(StoreText.Restore(reader), StoreText.Restore(reader), reader.Bool()));
        }

        for (int left = reader.Int32(); left > 0; left--)
        {
            _transactions[reader.UInt32()] = new StoreTransaction(store.Tree) { IsLost = true };
        }

        _lastTransaction = reader.UInt32();
        for (int left = reader.Int32(); left > 0; left--)
        {
            byte[] message = reader.Bytes().ToArray();
            _outgoing.Enqueue(message);
            _outstanding += message.Length;
        }
    }

    private StoreError HandlePath(StoreMessage type, uint id, ReadOnlySpan<byte> payload, List<byte> answer)
    {
        switch (type)
        {
            case StoreMessage.GetDomainPath:
                return DomainPath(payload, answer);
            case StoreMessage.IsDomainIntroduced:
                return IsIntroduced(payload, answer);
            case StoreMessage.Control or StoreMessage.Introduce or StoreMessage.Release or StoreMessage.Resume or StoreMessage.SetTarget:
                return StoreError.EACCES;
            case StoreMessage.Directory or StoreMessage.DirectoryPart or StoreMessage.Read or StoreMessage.GetPermissions
                or StoreMessage.Write or StoreMessage.MakeDirectory or StoreMessage.Remove or StoreMessage.SetPermissions:
                break;
            default:
                return StoreError.ENOSYS;
        }

        if (!StoreText.TryTake(ref payload, out string named) || StorePath.Resolve(named) is not { } path)
        {
            return StoreError.EINVAL;
        }

        StoreTransaction? transaction = null;
        if (id != 0 && !_transactions.TryGetValue(id, out transaction))
        {
            return StoreError.ENOENT;
        }

        return type switch
        {
            StoreMessage.Directory or StoreMessage.DirectoryPart or StoreMessage.Read or StoreMessage.GetPermissions => Look(type, path, transaction, payload, answer),
            StoreMessage.Write when payload.Length > StoreLimits.Value => StoreError.ENOSPC,
            StoreMessage.Write => Change(new StoreChange(StoreChangeKind.Write, path) { Value = payload.ToArray() }, transaction),
            StoreMessage.MakeDirectory => Change(new StoreChange(StoreChangeKind.MakeDirectory, path), transaction),
            StoreMessage.Remove => Change(new StoreChange(StoreChangeKind.Remove, path), transaction),
            _ => SetPermissions(path, transaction, payload),
        };
    }

    private StoreError Look(StoreMessage type, string path, StoreTransaction? transaction, ReadOnlySpan<byte> rest, List<byte> answer)
    {
        if (transaction != null && !transaction.TryTouch(path))
        {
            return StoreError.ENOSPC;
        }

        StoreError error = (transaction?.Tree ?? store.Tree).TryRead(path, domain, out StoreNode node);
        if (error != StoreError.None)
        {
            return error;
        }

        switch (type)
        {
            case StoreMessage.Read:
                answer.AddRange(node.Value);
                return StoreError.None;
            case StoreMessage.GetPermissions:
                foreach (StorePermission permission in node.Permissions)
                {
                    StoreText.Add(answer, permission.ToString());
                }

                return StoreError.None;
            case StoreMessage.Directory:
                foreach (string name in node.Children.Keys)
                {
                    StoreText.Add(answer, name);
                }

                return StoreError.None;
            default:
                return DirectoryPart(node, rest, answer);
        }
    }

    /// <summary>The names from an offset into their list, as many as fit whole; behind the last comes another zero.</summary>
    private static StoreError DirectoryPart(StoreNode node, ReadOnlySpan<byte> rest, List<byte> answer)
    {
        if (!StoreText.TryTake(ref rest, out string text) || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int offset))
        {
            return StoreError.EINVAL;
        }

        StoreText.Add(answer, node.Generation.ToString(CultureInfo.InvariantCulture));
        int at = 0;
        foreach (string name in node.Children.Keys)
        {
            if (at >= offset)
            {
                if (answer.Count + name.Length + 2 > StoreLimits.Payload)
                {
                    return StoreError.None;
                }

                StoreText.Add(answer, name);
            }

            at += name.Length + 1;
        }

        if (offset > at)
        {
            return StoreError.EINVAL;
        }

        answer.Add(0);
        return StoreError.None;
    }

    private StoreError Change(StoreChange change, StoreTransaction? transaction) => transaction?.Apply(change, domain) ?? store.Commit([change], domain);

    private StoreError SetPermissions(string path, StoreTransaction? transaction, ReadOnlySpan<byte> rest)
    {
        List<StorePermission> permissions = [];
        while (!rest.IsEmpty)
        {
            if (!StoreText.TryTake(ref rest, out string text) || !StorePermission.TryParse(text, out StorePermission permission))
            {
                return StoreError.EINVAL;
            }

            if (permissions.Count == StoreLimits.Permissions)
            {
                return StoreError.ENOSPC;
            }

            permissions.Add(permission);
        }

        return permissions.Count == 0 ? StoreError.EINVAL : Change(new StoreChange(StoreChangeKind.SetPermissions, path) { Permissions = [.. permissions] }, transaction);
    }

    private StoreError Watch(ReadOnlySpan<byte> payload, out StoreWatch? added)
    {
        added = null;
        if (!StoreText.TryTake(ref payload, out string named) || !StoreText.TryTake(ref payload, out string token) || StorePath.ResolveWatched(named) is not { } path)
        {
            return StoreError.EINVAL;
        }

        if (token.Length > StoreLimits.Token)
        {
            return StoreError.E2BIG;
        }

        var watch = new StoreWatch(path, token, named[0] is not ('/' or '@'));
        if (_watches.Contains(watch))
        {
            return StoreError.EEXIST;
        }

        if (_watches.Count == StoreLimits.Watches)
        {
            return StoreError.E2BIG;
        }

        _watches.Add(watch);
        added = watch;
        return StoreError.None;
    }

    private StoreError Unwatch(ReadOnlySpan<byte> payload)
    {
        if (!StoreText.TryTake(ref payload, out string named) || !StoreText.TryTake(ref payload, out string token) || StorePath.ResolveWatched(named) is not { } path)
        {
            return StoreError.EINVAL;
        }

        return _watches.RemoveAll(watch => watch.Path == path && watch.Token == token) > 0 ? StoreError.None : StoreError.ENOENT;
    }

    private StoreError ResetWatches()
    {
        _watches.Clear();
        _transactions.Clear();
        return StoreError.None;
    }

    private StoreError Start(uint id, List<byte> answer)
    {
        if (id != 0)
        {
            return StoreError.EBUSY;
        }

        if (_transactions.Count == StoreLimits.Transactions)
        {
            return StoreError.ENOSPC;
        }

        do
        {
            _lastTransaction++;
        }
        while (_lastTransaction == 0 || _transactions.ContainsKey(_lastTransaction));

        _transactions.Add(_lastTransaction, new StoreTransaction(store.Tree));
        StoreText.Add(answer, _lastTransaction.ToString(CultureInfo.InvariantCulture));
        return StoreError.None;
    }

    private StoreError End(uint id, ReadOnlySpan<byte> payload)
    {
        if (!StoreText.TryTake(ref payload, out string text) || text is not ("T" or "F"))
        {
            return StoreError.EINVAL;
        }

        if (!_transactions.Remove(id, out StoreTransaction? transaction))
        {
            return StoreError.ENOENT;
        }

        return text == "F" ? StoreError.None
            : transaction.ConflictsWith(store.Tree) ? StoreError.EAGAIN
            : store.Commit(transaction.Changes, domain);
    }

    private static StoreError DomainPath(ReadOnlySpan<byte> payload, List<byte> answer)
    {
        if (!TryTakeDomain(payload, out ushort named))
        {
            return StoreError.EINVAL;
        }

        StoreText.Add(answer, string.Create(CultureInfo.InvariantCulture, $"/local/domain/{named}"));
        return StoreError.None;
    }

    private static StoreError IsIntroduced(ReadOnlySpan<byte> payload, List<byte> answer)
    {
        if (!TryTakeDomain(payload, out ushort named))
        {
            return StoreError.EINVAL;
        }

        StoreText.Add(answer, named is (ushort)XenStore.OwnDomain or (ushort)XenStore.GuestDomain ? "T" : "F");
        return StoreError.None;
    }

    private static bool TryTakeDomain(ReadOnlySpan<byte> payload, out ushort named)
    {
        named = 0;
        return StoreText.TryTake(ref payload, out string text) && ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out named);
    }

    private void SendEvent(StoreWatch watch, string path)
    {
        List<byte> text = [];
        StoreText.Add(text, path);
        StoreText.Add(text, watch.Token);
        Send((uint)StoreMessage.WatchEvent, 0, 0, text);
    }

    private void Send(uint type, uint request, uint transaction, List<byte> payload)
    {
        // What the guest does not take is kept up to a limit, behind which it is served no longer.
        if (IsOverrun)
        {
            return;
        }

        bool isDone = payload.Count == 0 && (StoreMessage)type is not (StoreMessage.Read or StoreMessage.Directory);
        byte[] message = new byte[HeaderLength + (isDone ? s_done.Length : payload.Count)];
        BinaryPrimitives.WriteUInt32LittleEndian(message, type);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(4), request);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(8), transaction);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(12), message.Length - HeaderLength);
        if (isDone)
        {
            s_done.CopyTo(message.AsSpan(HeaderLength));
        }
        else
        {
            payload.CopyTo(message.AsSpan(HeaderLength));
        }

        _outgoing.Enqueue(message);
        _outstanding += message.Length;
    }
}
